//! Promises, one file each, tested through the public API and the built program.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and changes files as other programs do"
)]

mod architecture;
mod errors;
mod help;
