//! Promises, one file each, tested through the public API and the built program.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and changes files as other programs do"
)]
#![expect(
    clippy::too_many_lines,
    clippy::type_complexity,
    clippy::wildcard_enum_match_arm,
    clippy::semicolon_if_nothing_returned,
    reason = "tables of cases are long, their closures short, and any other error is a failure"
)]

mod architecture;
mod audit;
mod cli_json;
mod config;
mod convert;
mod cost;
mod crash;
mod damage;
mod doctor;
mod errors;
mod export;
mod fixtures;
mod fuzz_inputs;
mod guides;
mod help;
mod history;
mod in_doubt;
mod index;
mod index_embedders;
mod index_stale;
mod installed;
mod jobs;
mod layouts;
mod lies;
mod limits;
mod lock;
mod meanwhile;
mod memory;
mod merge;
mod model;
mod neighbour;
mod policies;
mod prune;
mod refusals;
mod revert;
mod rollback;
mod rollback_to;
mod salvage;
mod serve;
mod serve_pages;
mod serve_security;
mod special;
mod stack;
mod status;
mod story;
mod support;
mod targets;
mod terminal;
mod wrong_use;
