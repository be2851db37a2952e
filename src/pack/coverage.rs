//! Which bytes of a pack belong to a member: every one to exactly one.

use std::collections::BTreeMap;

/// The disjoint runs of bytes that members took so far.
///
/// Members that touch melt into one run. A pack whose members come in the order of its directory
/// holds one run at any time; the worst order holds one run (16 bytes and the tree's share) for
/// every second member, and the limit on members bounds that.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    /// From start to end, exclusive.
    runs: BTreeMap<u64, u64>,
}

/// A run of bytes that two members claim, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// First byte.
    pub(super) start: u64,
    /// First byte after it.
    pub(super) end: u64,
}

impl Coverage {
    /// Takes the bytes from `start` up to `end` for one member.
    ///
    /// # Errors
    /// The bytes of them that were taken before.
    pub(super) fn take(&mut self, start: u64, end: u64) -> Result<(), Run> {
        let before = self.runs.range(..end).next_back().map(|(s, e)| (*s, *e));
        let mut run = Run { start, end };
        if let Some((before_start, before_end)) = before {
            if before_end > start {
                return Err(Run {
                    start: before_start.max(start),
                    end: before_end.min(end),
                });
            }
            if before_end == start {
                run.start = before_start;
            }
        }
        if let Some(after_end) = self.runs.remove(&end) {
            run.end = after_end;
        }
        self.runs.insert(run.start, run.end);
        Ok(())
    }

    /// Returns the first bytes from 0 up to `end` that no member took; `None` where there are none.
    pub(super) fn gap(&self, end: u64) -> Option<Run> {
        match self.runs.first_key_value() {
            _ if end == 0 => None,
            None => Some(Run { start: 0, end }),
            Some((&first, _)) if first > 0 => Some(Run {
                start: 0,
                end: first,
            }),
            Some((_, &first_end)) if first_end < end => Some(Run {
                start: first_end,
                end: self
                    .runs
                    .range(first_end..)
                    .next()
                    .map_or(end, |(next, _)| *next),
            }),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_in_any_order_melt_into_one_run() {
        let mut coverage = Coverage::default();
        for (start, end) in [(30, 40), (0, 10), (20, 30), (10, 20)] {
            assert_eq!(coverage.take(start, end), Ok(()));
        }
        assert_eq!(coverage.runs, BTreeMap::from([(0, 40)]));
        assert_eq!(coverage.gap(40), None);
        assert_eq!(coverage.gap(41), Some(Run { start: 40, end: 41 }));
    }

    #[test]
    fn gaps_are_found_at_the_front_between_and_at_the_end() {
        let mut coverage = Coverage::default();
        assert_eq!(coverage.gap(0), None);
        assert_eq!(coverage.gap(5), Some(Run { start: 0, end: 5 }));
        coverage.take(10, 20).expect("free");
        assert_eq!(coverage.gap(20), Some(Run { start: 0, end: 10 }));
        coverage.take(0, 10).expect("free");
        coverage.take(25, 30).expect("free");
        assert_eq!(coverage.gap(30), Some(Run { start: 20, end: 25 }));
    }

    #[test]
    fn overlaps_are_found_however_they_lie() {
        for (start, end, run) in [
            (10, 20, (10, 20)),
            (5, 11, (10, 11)),
            (19, 25, (19, 20)),
            (12, 15, (12, 15)),
            (0, 100, (10, 20)),
        ] {
            let mut coverage = Coverage::default();
            coverage.take(10, 20).expect("free");
            let run = Run {
                start: run.0,
                end: run.1,
            };
            assert_eq!(coverage.take(start, end), Err(run), "{start}..{end}");
        }
    }
}
