//! The HTTP server: a second surface over the store, beside the command line. It has no rule of its
//! own about packs and trees; what it adds is who may ask, and how much at once.

mod acts;
mod answer;
mod arenas;
mod asked;
mod find;
mod gate;
mod journal;
mod keys;
mod metrics;
mod openapi;
mod packs;
mod pages;
mod refusal;
mod routes;
mod server;
mod sessions;
mod state;
mod status;
mod uploads;

pub(crate) use arenas::keep_few as keep_few_arenas;
pub(crate) use keys::Keys;
pub(crate) use server::{Listening, serve};
pub(crate) use state::Settings;
