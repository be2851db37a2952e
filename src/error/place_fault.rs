//! Why content of a pack has no place in another.

use super::message::{count_of, listed};

/// Why content of a pack has no place in the one that it is converted into.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceFault {
    /// A backup in this layout carries no such scope, and nothing says where its content goes.
    #[error(
        "layout {layout} has no place for {}: {}",
        count_of(*total, "path"),
        listed(paths)
    )]
    NoPlace {
        /** The layout. */
        layout: &'static str,
        /** The first 20 of them, by URI. */
        paths: Vec<String>,
        /** How many there are. */
        total: u64,
        /** Where their scopes may go: pairs of URIs. */
        places: Vec<(String, String)>,
    },
    /// Two entries would get one path.
    #[error("{first} and {second} would both be {uri}")]
    Collision {
        /** The URI of both. */
        uri: String,
        /** Where the one is. */
        first: String,
        /** Where the other is. */
        second: String,
    },
}
