//! The search index after an act: brought up to date at once where that is soon done, and never in the
//! way.

use ovpack::{Error, IndexOptions, IndexStatus, Store};

use crate::caller::{Caller, environment};
use crate::escape::Shown;
use crate::failure::{Failure, Result};
use crate::human::Count;
use crate::ui::Ui;

/// Most files whose text is read right after an act: about a second's work. A larger tree takes longer
/// to be indexed than to be put in place, and whoever restores it may not want to wait for that.
const AT_ONCE: u64 = 1_000;

/// Brings full text and vectors up to date with what was just committed, where that is soon done. The
/// act is done and reported; whatever fails here is talked about, and made up for by the next time.
pub(crate) fn refresh(ui: &Ui, caller: &Caller) {
    let refreshed = caller.store().and_then(|store| {
        let backlog = store.index_backlog()?;
        if backlog > AT_ONCE {
            let wait = caller.command("index wait");
            ui.talk(&format_args!(
                "{} to be read before they can be searched: the next find does it, or {}",
                Count(backlog, "file"),
                Shown(&wait)
            ));
            return Ok(None);
        }
        let options = options(caller, &store)?;
        Ok(Some(store.refresh_index(&options)?))
    });
    tell(ui, caller, refreshed);
}

/// Brings them up to date before a question, whatever that takes; without, the question is answered by
/// what is there. Returns whether it said that the index is behind.
pub(crate) fn catch_up(ui: &Ui, caller: &Caller, store: &Store) -> bool {
    let refreshed = store
        .index_backlog()
        .map_err(Into::into)
        .and_then(|backlog| {
            if backlog == 0 {
                return Ok(None);
            }
            let options = options(caller, store)?;
            Ok(Some(store.refresh_index(&options)?))
        });
    let is_told = refreshed.is_err();
    tell(ui, caller, refreshed);
    is_told
}

fn tell(ui: &Ui, caller: &Caller, refreshed: Result<Option<IndexStatus>>) {
    match refreshed {
        Ok(None) => {}
        Ok(Some(status)) => {
            if let Some(failure) = status.failure {
                let failure = Shown(&failure);
                ui.talk(&format_args!(
                    "no vectors for {} documents yet: {failure}",
                    status.pending
                ));
            }
        }
        Err(failure) => {
            let wait = caller.command("index wait");
            ui.talk(&format_args!(
                "the search index is behind ({}); bring it up to date with: {}",
                Shown(&why(&failure)),
                Shown(&wait)
            ));
        }
    }
}

/// Tells why it could not be brought up to date.
fn why(failure: &Failure) -> String {
    let error = failure.library();
    if matches!(error, Some(Error::Interrupted)) {
        return "interrupted".to_owned();
    }
    match error.and_then(Error::errno).as_deref() {
        // Which file it is that may not be written helps nobody.
        Some("EROFS" | "EACCES" | "EPERM") => "the store cannot be written to".to_owned(),
        _ => failure.to_string(),
    }
}

/// Returns how the index is brought up to date: the settings name the variable that holds the key.
pub(crate) fn options(caller: &Caller, store: &Store) -> Result<IndexOptions> {
    Ok(IndexOptions {
        key: key(store)?,
        control: caller.control.clone(),
    })
}

/// Returns the key for the embedding server, where the settings want one and it is there.
pub(crate) fn key(store: &Store) -> Result<Option<String>> {
    Ok(store
        .index_key_variable()?
        .and_then(|name| environment(&name)))
}
