//! Visitors of the page: a browser cannot send a key with every request, so it gets a cookie for one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use subtle::ConstantTimeEq as _;

use super::keys::{Client, Role, digest_of};
use super::refusal::{Refusal, Result};

/// The cookie's name.
const COOKIE: &str = "ovpack_session";
/// How long a session lasts.
const LIFETIME: Duration = Duration::from_hours(12);
/// Most sessions at once; the oldest goes for a newer one.
const SESSIONS_MAX: usize = 1_000;

/// The name of who acts where no key is needed.
pub(crate) const ANYBODY: &str = "anonymous";

/// Who looks at a page, and the token that its forms carry.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    /// Who.
    pub(crate) client: Client,
    /// Sent back by each form of this visitor, so that no other site can make one up.
    pub(crate) form_token: String,
    /// Whether it came with a key, and can leave again.
    pub(crate) has_session: bool,
}

/// The sessions of all visitors. Tokens are kept as digests.
pub(crate) struct Sessions {
    /// Of visitors that need no key.
    form_token: String,
    open: Mutex<BTreeMap<[u8; 32], Session>>,
}

struct Session {
    visitor: Visitor,
    begun: Instant,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl Sessions {
    /// Makes room for sessions.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            form_token: secret()?,
            open: Mutex::default(),
        })
    }

    /// Begins a session; returns the cookie for it.
    pub(crate) fn begin(&self, client: &Client) -> Result<String> {
        let token = secret()?;
        let visitor = Visitor {
            client: client.clone(),
            form_token: secret()?,
            has_session: true,
        };
        let begun = Instant::now();
        let mut open = self.open();
        open.retain(|_, session| session.begun.elapsed() < LIFETIME);
        if open.len() >= SESSIONS_MAX
            && let Some(oldest) = open.iter().min_by_key(|(_, session)| session.begun)
        {
            let oldest = *oldest.0;
            open.remove(&oldest);
        }
        open.insert(digest_of(token.as_bytes()), Session { visitor, begun });
        let seconds = LIFETIME.as_secs();
        Ok(format!(
            "{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}"
        ))
    }

    /// Ends the session of a request; returns the cookie that takes its own away.
    pub(crate) fn end(&self, headers: &HeaderMap) -> String {
        if let Some(token) = cookie(headers) {
            self.open().remove(&digest_of(token.as_bytes()));
        }
        format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
    }

    /// Returns whose session a request belongs to. Digests are looked up, so that the time that it
    /// takes tells nothing of a token.
    pub(crate) fn visitor_of(&self, headers: &HeaderMap) -> Option<Visitor> {
        let digest = digest_of(cookie(headers)?.as_bytes());
        let open = self.open();
        let session = open.get(&digest)?;
        (session.begun.elapsed() < LIFETIME).then(|| session.visitor.clone())
    }

    /// Returns the visitor where no key is needed.
    pub(crate) fn anybody(&self) -> Visitor {
        Visitor {
            client: anybody(),
            form_token: self.form_token.clone(),
            has_session: false,
        }
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visitor {
    /// Fails unless a form carries this visitor's token.
    pub(crate) fn ensure_own_form(&self, token: &str) -> Result<()> {
        if bool::from(self.form_token.as_bytes().ct_eq(token.as_bytes())) {
            Ok(())
        } else {
            Err(Refusal::cross_site())
        }
    }

    /// Fails unless the visitor may write.
    pub(crate) fn ensure_admin(&self) -> Result<()> {
        match self.client.role {
            Role::Admin => Ok(()),
            Role::Auditor => Err(Refusal::forbidden(&self.client.name)),
        }
    }
}

/// Returns who acts where no key is needed.
pub(crate) fn anybody() -> Client {
    Client {
        name: ANYBODY.to_owned(),
        role: Role::Admin,
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).into_iter();
    cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then_some(value))
}

/// Returns 64 hexadecimal digits that nobody can guess.
fn secret() -> Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|fault| Refusal::internal(fault.to_string()))?;
    Ok(ovpack::Digest::from_bytes(bytes).to_string())
}

/// Returns 16 hexadecimal digits that tell requests apart.
pub(crate) fn request_id() -> String {
    let mut id = secret().unwrap_or_default();
    id.truncate(16);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_and_its_form_token_is_its_own() {
        let sessions = Sessions::new().expect("made");
        let cookie = sessions.begin(&anybody()).expect("made");
        assert!(cookie.contains("; HttpOnly; SameSite=Strict; "), "{cookie}");
        let pair = cookie.split(';').next().expect("the first");
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, pair.parse().expect("a header"));
        let visitor = sessions.visitor_of(&headers).expect("it is open");
        visitor.ensure_own_form(&visitor.form_token).expect("own");
        for token in ["", &sessions.anybody().form_token] {
            assert!(visitor.ensure_own_form(token).is_err());
        }
        assert!(sessions.visitor_of(&HeaderMap::new()).is_none());
        sessions.end(&headers);
        assert!(sessions.visitor_of(&headers).is_none());
    }
}
