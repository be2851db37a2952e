//! API keys: who may do what. Only digests of keys are kept, and compared in constant time.

use std::fmt;

use camino::Utf8Path;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use crate::failure::{Failure, Result};

/// Fewest bytes of a key: what is shorter can be guessed.
const KEY_BYTES_MIN: usize = 16;

/// What a key allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Everything.
    Admin,
    /// Reading the journal and the state.
    Auditor,
}

/// Who makes a request: the name of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// The key's name; the journal calls who acts so.
    pub(crate) name: String,
    /// What it allows.
    pub(crate) role: Role,
}

/// The keys that a server knows; none where it needs none.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    keys: Vec<Key>,
}

struct Key {
    client: Client,
    digest: [u8; 32],
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl Keys {
    /// Makes one key that may do everything.
    pub(crate) fn of_one(key: &str) -> Result<Self> {
        let mut keys = Self::default();
        keys.add("admin", Role::Admin, key)
            .map_err(|fault| usage(format!("OVPACK_API_KEY {fault}")))?;
        Ok(keys)
    }

    /// Reads a file with a line `ROLE NAME KEY` for each key; empty lines and those that begin with
    /// `#` mean nothing.
    pub(crate) fn read(path: &Utf8Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| Failure::Serve {
            action: format!("read the keys in {path}"),
            source,
        })?;
        Self::parse(&text).map_err(|fault| usage(format!("{path}: {fault}")))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut keys = Self::default();
        for (number, line) in text.lines().enumerate() {
            let words: Vec<_> = line.split_whitespace().collect();
            let fault = match words.as_slice() {
                [] => continue,
                [first, ..] if first.starts_with('#') => continue,
                ["admin", name, key] => keys.add(name, Role::Admin, key),
                ["auditor", name, key] => keys.add(name, Role::Auditor, key),
                _ => Err("is not `admin NAME KEY` or `auditor NAME KEY`"),
            };
            fault.map_err(|fault| format!("line {} {fault}", number.saturating_add(1)))?;
        }
        if keys.are_none() {
            return Err("there is no key in it".to_owned());
        }
        Ok(keys)
    }

    fn add(&mut self, name: &str, role: Role, key: &str) -> Result<(), &'static str> {
        if key.len() < KEY_BYTES_MIN {
            return Err("has a key of fewer than 16 bytes");
        }
        let digest = digest_of(key.as_bytes());
        if self.keys.iter().any(|known| known.digest == digest) {
            return Err("repeats a key");
        }
        if self.keys.iter().any(|known| known.client.name == name) {
            return Err("repeats a name");
        }
        let name = name.to_owned();
        self.keys.push(Key {
            client: Client { name, role },
            digest,
        });
        Ok(())
    }

    /// Returns whether no key is needed.
    pub(crate) const fn are_none(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns whose key this is. Every key is compared, whichever it is, and in constant time.
    pub(crate) fn client_of(&self, key: &[u8]) -> Option<&Client> {
        let digest = digest_of(key);
        let mut found = u64::MAX;
        for (number, known) in (0_u64..).zip(&self.keys) {
            let is_equal: Choice = known.digest.ct_eq(&digest);
            found.conditional_assign(&number, is_equal);
        }
        let number = usize::try_from(found).ok()?;
        self.keys.get(number).map(|known| &known.client)
    }
}

/// Returns the SHA-256 of a secret, which is all that is kept of it.
pub(crate) fn digest_of(secret: &[u8]) -> [u8; 32] {
    Sha256::digest(secret).into()
}

fn usage(message: String) -> Failure {
    Failure::Usage {
        message,
        help:
            "write one key a line, as in `auditor jane 4f1c...`; `openssl rand -hex 32` makes one"
                .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_with_their_roles() {
        let text = "# ours\n\nadmin ops 0123456789abcdef\nauditor jane  fedcba9876543210\n";
        let keys = Keys::parse(text).expect("keys");
        let role_of = |key: &[u8]| {
            keys.client_of(key)
                .map(|client| (&*client.name, client.role))
        };
        assert_eq!(role_of(b"0123456789abcdef"), Some(("ops", Role::Admin)));
        assert_eq!(role_of(b"fedcba9876543210"), Some(("jane", Role::Auditor)));
        for wrong in [&b""[..], b"0123456789abcde", b"0123456789ABCDEF", b"ops"] {
            assert_eq!(role_of(wrong), None);
        }
        assert!(!format!("{keys:?}").contains("0123"));
    }

    #[test]
    fn a_file_that_is_not_understood_is_refused_with_its_line() {
        for (text, says) in [
            ("", "no key"),
            ("# only words\n", "no key"),
            ("admin ops short", "line 1 has a key of fewer"),
            ("root ops 0123456789abcdef", "line 1 is not"),
            ("\nadmin 0123456789abcdef", "line 2 is not"),
            (
                "admin a 0123456789abcdef\nauditor b 0123456789abcdef",
                "line 2 repeats a key",
            ),
            (
                "admin a 0123456789abcdef\nadmin a 0123456789abcdeg",
                "line 2 repeats a name",
            ),
        ] {
            let told = Keys::parse(text).expect_err("refused");
            assert!(told.contains(says), "{text:?}: {told}");
        }
    }
}
