//! Reindex: a transaction that writes the index records that the rules want and that are not there,
//! as after a version that knew no index. It moves nothing.

use crate::error::Result;
use crate::id::TransactionId;
use crate::index;
use crate::journal::{NewTransaction, TransactionKind};
use crate::session::Session;
use crate::staging::Staging;
use crate::transaction::{self, Transaction};
use crate::uri::Uri;

/// Writes what is missing at and below a URI; durable when this returns. `None` where nothing is.
pub(crate) fn run(session: &mut Session, uri: &Uri) -> Result<Option<TransactionId>> {
    let staging = Staging::make(None)?;
    let live = session.layout.open_live()?;
    if !index::stage_missing(&session.journal, &live, &staging, uri.path())? {
        return Ok(None);
    }
    let new = NewTransaction {
        kind: TransactionKind::Reindex,
        uri: uri.to_string(),
        on_conflict: None,
        undoes: None,
        pack: None,
    };
    let tx = Transaction::begin(session, &new)?;
    if let Err(error) = tx.session.journal.prepare_reindex(tx.id, &staging) {
        return Err(tx.abort(error));
    }
    let Transaction { session, id, .. } = tx;
    transaction::complete(session, id, &[])?;
    session.journal.checkpoint()?;
    Ok(Some(id))
}
