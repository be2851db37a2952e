//! How many threads work on one act.

use std::num::NonZeroUsize;
use std::thread;

/// Most threads of one act. Beyond some tens the disk is what is waited for, and each has buffers of
/// its own.
const MOST: NonZeroUsize = NonZeroUsize::new(64).expect("BUG: 64 is not zero");

/// The number of threads that unpack, pack, hash or walk within one act; 1 to 64. What an act writes
/// and finds does not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jobs(NonZeroUsize);

impl Jobs {
    /// Takes a number of threads; more than 64 are 64.
    pub fn new(threads: NonZeroUsize) -> Self {
        Self(threads.min(MOST))
    }

    /// Returns the number of threads.
    pub const fn get(self) -> usize {
        self.0.get()
    }
}

impl Default for Jobs {
    /// One thread for each processor that this process may use.
    fn default() -> Self {
        Self::new(thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_threads_is_bounded() {
        let of = |threads| NonZeroUsize::new(threads).map(|threads| Jobs::new(threads).get());
        assert_eq!(of(1), Some(1));
        assert_eq!(of(64), Some(64));
        assert_eq!(of(65), Some(64));
        assert!(Jobs::default().get() >= 1);
    }
}
