//! Promises, one file each, tested through the public API and the built program.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and changes files as other programs do"
)]

mod architecture;
mod cli_json;
mod crash;
mod errors;
mod export;
mod fixtures;
mod help;
mod lock;
mod memory;
mod refusals;
mod rollback;
mod support;
mod targets;
