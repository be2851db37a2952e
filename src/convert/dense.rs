//! Dense vectors: copied as they are where all of them travel, else those that do.

use rusqlite::Rows as SqlRows;

use super::rows::Rows;
use crate::control::Control;
use crate::db::DatabaseContext as _;
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result};
use crate::intake::Intake;
use crate::pack::IndexMember;
use crate::pack::index_claims::DenseClaim;
use crate::pack::writer::{PackWriter, Take};

/// Bytes of a number.
const NUMBER_BYTES: u64 = 4;
const ACTION: &str = "choose the vectors that are converted";

impl Rows<'_> {
    /// Closes the gaps that vectors leave which do not travel.
    pub(super) fn close_gaps(&self, dimensions: u64) -> Result<()> {
        self.connection()
            .execute_batch("CREATE INDEX converted_record_by_record ON converted_record (record)")
            .context(ACTION)?;
        self.execute(
            "UPDATE converted_record SET dense_offset = ranked.place * ?1
             FROM (SELECT record, row_number() OVER (ORDER BY dense_offset) - 1 AS place FROM converted_record
                   WHERE dense_offset IS NOT NULL) AS ranked
             WHERE converted_record.record = ranked.record",
            [i64::try_from(dimensions).unwrap_or(i64::MAX)],
        )?;
        Ok(())
    }
}

/// Adds the vectors to a pack; returns the digest of their bytes.
pub(super) fn write(
    writer: &mut PackWriter,
    root_name: &str,
    intake: &Intake,
    rows: &Rows<'_>,
    claim: &DenseClaim,
    vectors: u64,
    control: &Control,
) -> Result<Digest> {
    let name = format!("{root_name}/{}", IndexMember::Dense.path());
    if let Some(location) = intake.audit.dense.filter(|_| vectors == claim.member.count) {
        writer.copy(&name, &location, &mut |take| {
            intake.reader.read_packed(&location, &mut |bytes| {
                control.ensure_not_interrupted()?;
                take(bytes)
            })
        })?;
        return Ok(claim.member.sha256);
    }
    let most = vectors.saturating_mul(claim.dimensions.saturating_mul(NUMBER_BYTES));
    let mut hasher = Hasher::default();
    let is_added = writer.file(&name, most, &mut |take| {
        hasher = Hasher::default();
        let mut hashing = |bytes: &[u8]| {
            control.ensure_not_interrupted()?;
            hasher.update(bytes);
            take(bytes)
        };
        choose(intake, rows, claim.dimensions, &mut hashing)?;
        Ok(true)
    })?;
    if !is_added {
        let path = intake.reader.path().to_owned();
        return Err(Error::FileChanging { path });
    }
    Ok(hasher.finish())
}

/// Gives the bytes of the vectors that travel.
fn choose(intake: &Intake, rows: &Rows<'_>, dimensions: u64, take: Take<'_>) -> Result<()> {
    let query = "SELECT r.dense_offset FROM converted_record AS c JOIN index_record AS r ON r.ordinal = c.record
         WHERE c.dense_offset IS NOT NULL ORDER BY r.dense_offset";
    let mut statement = rows.connection().prepare(query).context(ACTION)?;
    let mut kept = statement.query([]).context(ACTION)?;
    let mut range = next_range(&mut kept, dimensions)?;
    let mut position = 0_u64;
    let read = intake.reader.read_dense(&intake.audit, &mut |piece| {
        let end = position.saturating_add(piece.len() as u64);
        while let Some((first, last)) = range.filter(|(first, _)| *first < end) {
            let within = |at: u64| {
                let at = at.clamp(position, end).saturating_sub(position);
                usize::try_from(at).unwrap_or(usize::MAX)
            };
            take(piece.get(within(first)..within(last)).unwrap_or_default())?;
            if last > end {
                break;
            }
            range = next_range(&mut kept, dimensions)?;
        }
        position = end;
        Ok(())
    })?;
    match read {
        Some(Err(finding)) => Err(Error::refused(intake.reader.path(), finding)),
        Some(Ok(_)) | None => Ok(()),
    }
}

/// Returns the bytes at which the next vector begins and ends.
fn next_range(kept: &mut SqlRows<'_>, dimensions: u64) -> Result<Option<(u64, u64)>> {
    let Some(row) = kept.next().context(ACTION)? else {
        return Ok(None);
    };
    let offset = row.get(0).map(i64::cast_unsigned).context(ACTION)?;
    let end = offset.saturating_add(dimensions);
    Ok(Some((
        offset.saturating_mul(NUMBER_BYTES),
        end.saturating_mul(NUMBER_BYTES),
    )))
}
