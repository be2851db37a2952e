//! A sum over entries that takes neither rows nor order.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash};

/// Two sums of 64 bits over entries in any order. Of fingerprints that were made of one another they
/// differ where the entries do: the keys are random and known to nobody, so that no tree can be made
/// to fit, and chance does so once in 2^128.
#[derive(Clone, Debug)]
pub(crate) struct Fingerprint {
    keys: [RandomState; 2],
    sums: [u64; 2],
}

impl Fingerprint {
    /// Returns the fingerprint of no entry, with new keys.
    pub(crate) fn new() -> Self {
        Self {
            keys: [RandomState::new(), RandomState::new()],
            sums: [0; 2],
        }
    }

    /// Returns the fingerprint of no entry, with the same keys: it can be compared with this one.
    pub(crate) fn of_nothing(&self) -> Self {
        Self {
            keys: self.keys.clone(),
            sums: [0; 2],
        }
    }

    /// Takes an entry in.
    pub(crate) fn add(&mut self, entry: impl Hash) {
        for (key, sum) in self.keys.iter().zip(&mut self.sums) {
            *sum = sum.wrapping_add(key.hash_one(&entry));
        }
    }

    /// Takes in all entries of another one, which has the same keys.
    pub(crate) fn add_all(&mut self, other: &Self) {
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            *sum = sum.wrapping_add(more);
        }
    }

    /// Returns whether both were made of the same entries, and with the same keys.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.sums == other.sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_entries_means_nothing_and_each_of_them_counts() {
        let none = Fingerprint::new();
        let of = |entries: &[(&str, u64)]| {
            let mut sum = none.of_nothing();
            for entry in entries {
                sum.add(entry);
            }
            sum
        };
        assert!(of(&[("a", 1), ("b", 2)]).is_same(&of(&[("b", 2), ("a", 1)])));
        for other in [
            &[("a", 1)][..],
            &[("a", 1), ("b", 3)],
            &[("a", 2), ("b", 1)],
            &[("a", 1), ("b", 2), ("b", 2)],
            &[("ab", 1), ("", 2)],
        ] {
            assert!(!of(&[("a", 1), ("b", 2)]).is_same(&of(other)), "{other:?}");
        }
    }

    #[test]
    fn other_keys_give_other_sums() {
        let [mut one, mut other] = [Fingerprint::new(), Fingerprint::new()];
        one.add("a");
        other.add("a");
        assert!(!one.is_same(&other));
    }
}
