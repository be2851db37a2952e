//! Ids of the store, its transactions and its slots.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A transaction of one store: `tx1` is its first. Never used again, also when it was aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub(crate) i64);

/// A text that names no transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a transaction is named like `tx7`")]
pub struct ParseTransactionIdError;

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("tx{}", self.0))
    }
}

impl FromStr for TransactionId {
    type Err = ParseTransactionIdError;

    /// Reads `tx7`, or `7` for short.
    fn from_str(text: &str) -> Result<Self, ParseTransactionIdError> {
        let number = text.strip_prefix("tx").unwrap_or(text);
        match number.parse() {
            Ok(id) if id > 0 && number.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Self(id)),
            _ => Err(ParseTransactionIdError),
        }
    }
}

impl Serialize for TransactionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A slot of one store: the directory that holds a staged, later a replaced tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(pub(crate) i64);

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Serialize for SlotId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Returns 32 hexadecimal digits that nobody can guess: 122 random bits of the system
/// (a UUID of version 4).
pub(crate) fn unguessable() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Returns an id for a new store, unlike that of any other (a UUID of version 7).
pub(crate) fn new_store_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_named_with_or_without_its_prefix() {
        assert_eq!("tx12".parse(), Ok(TransactionId(12)));
        assert_eq!("12".parse(), Ok(TransactionId(12)));
        assert_eq!(TransactionId(12).to_string(), "tx12");
        for text in [
            "",
            "tx",
            "tx0",
            "-1",
            "+1",
            "tx-1",
            "1x",
            "99999999999999999999",
        ] {
            assert_eq!(
                text.parse::<TransactionId>(),
                Err(ParseTransactionIdError),
                "{text}"
            );
        }
    }
}
