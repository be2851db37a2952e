//! Promises, one file each, tested through the public API and the built program.
