//! What stays out of a pack: said to the user, up to a bound.

/// Most that are listed: every directory may hold one, and the list is held.
const LISTED_MAX: usize = 10_000;

/// Internal files that stay out, by URI.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    /// The first of them.
    pub(super) listed: Vec<String>,
    /// How many there are.
    pub(super) total: u64,
}

impl LeftOut {
    pub(super) fn add(&mut self, uri: String) {
        self.total = self.total.saturating_add(1);
        if self.listed.len() < LISTED_MAX {
            self.listed.push(uri);
        }
    }

    /// Returns the list in order, and the number of all.
    pub(super) fn into_sorted(mut self) -> (Vec<String>, u64) {
        self.listed.sort_unstable();
        (self.listed, self.total)
    }
}
