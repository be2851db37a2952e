//! The search index after an act: brought up to date at once, and never in the way.

use ovpack::{Error, IndexOptions, Store};

use crate::caller::{Caller, environment};
use crate::escape::Shown;
use crate::failure::Result;
use crate::ui::Ui;

/// Brings full text and vectors up to date with what was just committed. The act is done and
/// reported; whatever fails here is talked about, and made up for by the next time.
pub(crate) fn refresh(ui: &Ui, caller: &Caller) {
    let refreshed = caller.store().and_then(|store| {
        let options = options(caller, &store)?;
        Ok(store.refresh_index(&options)?)
    });
    match refreshed {
        Ok(status) => {
            if let Some(failure) = status.failure {
                let failure = Shown(&failure);
                ui.talk(&format_args!(
                    "no vectors for {} documents yet: {failure}",
                    status.pending
                ));
            }
        }
        Err(failure) => {
            let is_interrupt = matches!(failure.library(), Some(Error::Interrupted));
            let why = if is_interrupt {
                "interrupted".to_owned()
            } else {
                failure.to_string()
            };
            let wait = caller.command("index wait");
            ui.talk(&format_args!(
                "the search index is behind ({}); bring it up to date with: {}",
                Shown(&why),
                Shown(&wait)
            ));
        }
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
