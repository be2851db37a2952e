//! Why a slot is kept or freed.

use std::time::Duration;

use super::PruneOptions;
use super::offers::{Offer, Offers};
use crate::id::TransactionId;

/// Why the slots of one offer are kept or freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Pinned,
    KeepLast(u64),
    KeepWithin(Duration),
    /// Nothing must be rolled back before it.
    NextRollback,
    /// An older offer that is kept must be taken after this one.
    Needed(TransactionId),
    Fits(u64),
    /// It holds no tree: to keep it costs nothing.
    Empty,
    Outdated,
    Oldest(u64),
    /// It holds no tree, and an offer that must be taken first is freed.
    Unreachable,
}

impl Why {
    pub(super) const fn keeps(self) -> bool {
        match self {
            Self::Pinned
            | Self::KeepLast(_)
            | Self::KeepWithin(_)
            | Self::NextRollback
            | Self::Needed(_)
            | Self::Fits(_)
            | Self::Empty => true,
            Self::Outdated | Self::Oldest(_) | Self::Unreachable => false,
        }
    }

    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::KeepLast(_) => "keep-last",
            Self::KeepWithin(_) => "keep-within",
            Self::NextRollback => "next-rollback",
            Self::Needed(_) => "needed",
            Self::Fits(_) => "fits",
            Self::Empty => "empty",
            Self::Outdated => "outdated",
            Self::Oldest(_) => "oldest",
            Self::Unreachable => "unreachable",
        }
    }

    /// Says it in words; `offer` is the commit whose rollback needs the slot.
    pub(super) fn text(self, offer: TransactionId, options: &PruneOptions) -> String {
        match self {
            Self::Pinned => "it is pinned".to_owned(),
            Self::KeepLast(count) => {
                format!("it is of {}", newest(count))
            }
            Self::KeepWithin(within) => format!("its commit is younger than {}", span(within)),
            Self::NextRollback => format!(
                "{offer} can be rolled back next; what that needs is freed only where 0 commits are kept"
            ),
            Self::Needed(older) => {
                format!("{older} is kept, and {offer} must be rolled back before it")
            }
            Self::Fits(max) => format!("what is kept fits into {max} bytes"),
            Self::Empty => "it holds no tree and takes no space".to_owned(),
            Self::Outdated => outdated(options),
            Self::Oldest(max) => {
                format!("the oldest are freed until the rest fits into {max} bytes")
            }
            Self::Unreachable => {
                "it holds no tree, and a tree that must go back before is freed".to_owned()
            }
        }
    }
}

fn outdated(options: &PruneOptions) -> String {
    let last = options.keep_last.map(|count| match count {
        0 => "no commit is kept for being new".to_owned(),
        count => format!("it is not of {}", newest(count)),
    });
    let within = options
        .keep_within
        .map(|within| format!("its commit is not younger than {}", span(within)));
    let parts: Vec<_> = last.into_iter().chain(within).collect();
    parts.join(", and ")
}

/// Names the newest commits that hold a tree.
fn newest(count: u64) -> String {
    match count {
        1 => "the newest commit that holds a tree".to_owned(),
        count => format!("the newest {count} commits that hold a tree"),
    }
}

/// Shows a time span in its largest whole unit.
fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [(86_400, "days"), (3_600, "hours")];
    let whole = units
        .iter()
        .find(|(size, _)| seconds >= *size && seconds.is_multiple_of(*size));
    match whole {
        Some((size, unit)) => format!("{} {unit}", seconds / size),
        None => format!("{seconds} seconds"),
    }
}

/// Decides about each offer, in their order.
pub(super) fn decide(offers: &Offers, options: &PruneOptions, now_ms: i64) -> Vec<Why> {
    let mut whys = protected(offers, options, now_ms);
    spread(offers, &mut whys);
    let bytes = offers.all.iter().map(Offer::bytes);
    let mut held_bytes = bytes.fold(0, u64::saturating_add);
    for (offer, why) in offers.all.iter().zip(&mut whys) {
        if why.is_some() || !offer.has_tree() {
            continue;
        }
        *why = Some(match options.max_bytes {
            Some(max) if held_bytes <= max => Why::Fits(max),
            Some(max) => Why::Oldest(max),
            None => Why::Outdated,
        });
        if why.is_some_and(|why| !why.keeps()) {
            held_bytes = held_bytes.saturating_sub(offer.bytes());
        }
    }
    settle_empty(offers, &whys)
}

/// Returns what an option, a pin or the next rollback keeps.
fn protected(offers: &Offers, options: &PruneOptions, now_ms: i64) -> Vec<Option<Why>> {
    let mut newer_trees = 0_u64;
    let mut whys: Vec<_> = offers
        .all
        .iter()
        .rev()
        .map(|offer| {
            let rank = newer_trees;
            newer_trees = newer_trees.saturating_add(u64::from(offer.has_tree()));
            if offer.is_pinned() {
                return Some(Why::Pinned);
            }
            if let Some(count) = options.keep_last.filter(|count| rank < *count)
                && offer.has_tree()
            {
                return Some(Why::KeepLast(count));
            }
            let age_ms = now_ms.saturating_sub(offer.held_since_ms());
            if let Some(within) = options.keep_within
                && age_ms < i64::try_from(within.as_millis()).unwrap_or(i64::MAX)
            {
                return Some(Why::KeepWithin(within));
            }
            (offer.is_next && options.keep_last != Some(0)).then_some(Why::NextRollback)
        })
        .collect();
    whys.reverse();
    whys
}

/// What is kept keeps what must be rolled back before it: without that it would be worth nothing.
fn spread(offers: &Offers, whys: &mut [Option<Why>]) {
    for (place, offer) in offers.all.iter().enumerate() {
        let why = whys.get(place).copied().flatten();
        if why.is_none() || !(offer.has_tree() || why == Some(Why::Pinned)) {
            continue;
        }
        // Those are younger, so their own turn is still to come.
        for needed in &offer.after {
            if let Some(why @ None) = whys.get_mut(*needed) {
                *why = Some(Why::Needed(offer.tx));
            }
        }
    }
}

/// A slot without a tree stays as long as its rollback can be reached. What must go back before is
/// younger, so the youngest are settled first.
fn settle_empty(offers: &Offers, whys: &[Option<Why>]) -> Vec<Why> {
    let mut settled: Vec<_> = whys.iter().map(|why| why.unwrap_or(Why::Empty)).collect();
    for (place, offer) in offers.all.iter().enumerate().rev() {
        let is_freed = |after: &usize| settled.get(*after).is_some_and(|why| !why.keeps());
        if offer.after.iter().any(is_freed)
            && let Some(why @ Why::Empty) = settled.get_mut(place)
        {
            *why = Why::Unreachable;
        }
    }
    settled
}
