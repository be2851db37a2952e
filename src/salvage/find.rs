//! Finding what is whole: headers and their data, the manifest, and which file is where.

use camino::Utf8Path;

use super::rows::{FragmentRow, Rows, Sink, Told};
use super::{ManifestState, SalvageOptions};
use crate::entry_path::EntryKind;
use crate::error::{Error, Result};
use crate::finding::{Finding, Rule};
use crate::pack::fragment::{Unpacked, Wreck};
use crate::pack::member_name::{self, Role};
use crate::pack::reader::{Method, Scratch};
use crate::pack::{Layout, Place};

/// Headers of one member: a local and a central one, and one where a guess is needed.
const HEADERS_PER_MEMBER: u64 = 3;

/// What is known of the pack as a whole.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) manifest: ManifestState,
    pub(super) layout: Layout,
    pub(super) uri: Option<String>,
}

/// Finds all that is whole, and decides what is saved from where.
pub(super) fn find(
    wreck: &Wreck,
    pack: &Utf8Path,
    rows: &Rows,
    options: &SalvageOptions,
) -> Result<Found> {
    let (mut headers, most) = (
        0_u64,
        options.limits.members.saturating_mul(HEADERS_PER_MEMBER),
    );
    wreck.each_fragment(&mut |fragment| {
        options.control.ensure_not_interrupted()?;
        headers = headers.saturating_add(1);
        if headers > most {
            let detail = format!("it has more than {most} headers of members, {HEADERS_PER_MEMBER} for each that the limit allows");
            return Err(Error::refused(pack, Finding::new(Rule::TooManyMembers, "", detail)));
        }
        rows.add(fragment)
    })?;
    unpack_all(wreck, rows, options)?;
    mark_manifests(rows)?;
    let manifest = read_manifest(wreck, rows, options)?;
    let (root, place) = match &manifest.named {
        Some((root, place)) => (root.clone(), *place),
        None => guess(rows)?,
    };
    name_all(rows, &root, place, options)?;
    rows.assign()?;
    if options.unverified && manifest.state != ManifestState::Whole {
        rows.assign_unverified()?;
    }
    let layout = manifest
        .told
        .format_version
        .and_then(|version| place.layout(version));
    Ok(Found {
        manifest: manifest.state,
        layout: layout.unwrap_or(place.newest_layout()),
        uri: manifest.told.uri,
    })
}

/// Unpacks what follows each header, once for all headers of the same data.
fn unpack_all(wreck: &Wreck, rows: &Rows, options: &SalvageOptions) -> Result<()> {
    let mut scratch = Scratch::new();
    let mut left = most_bytes(wreck, options);
    let mut last: Option<(u64, Method, u64, Unpacked)> = None;
    let mut was_inside = false;
    let (mut sound_until, mut said_until) = (0_u64, 0_u64);
    rows.each_fragment(&mut |row| {
        let at = &row.location;
        let is_same_place = last
            .as_ref()
            .is_some_and(|(offset, ..)| *offset == at.data_offset);
        if at.header_offset < sound_until && !is_same_place {
            // A pack in a pack is content.
            return rows.remove(row.id);
        }
        let stored_bytes = if at.method == Method::Stored {
            at.compressed_bytes
        } else {
            0
        };
        let unpacked = match &last {
            Some((offset, method, bytes, unpacked))
                if (*offset, *method, *bytes) == (at.data_offset, at.method, stored_bytes) =>
            {
                unpacked.clone()
            }
            _ => {
                let unpacked = wreck.unpack(at, left, &mut scratch, &mut |bytes| {
                    options.control.advance(0, bytes.len() as u64);
                    options.control.ensure_not_interrupted()
                })?;
                left = left.saturating_sub(unpacked.observed.size_bytes);
                unpacked
            }
        };
        let (is_sound, why) = judge(wreck, row, &unpacked)?;
        // The second header of a member stands where the first one says that data is: its own.
        let is_inside = if is_same_place {
            was_inside
        } else {
            at.header_offset < said_until
        };
        was_inside = is_inside;
        rows.set_unpacked(row.id, &unpacked, (is_sound, is_inside), why.as_deref())?;
        let data_end = |bytes: u64| at.data_offset.saturating_add(bytes);
        if is_sound {
            sound_until = sound_until.max(data_end(unpacked.packed_bytes));
        }
        said_until = said_until.max(data_end(at.compressed_bytes));
        last = Some((at.data_offset, at.method, stored_bytes, unpacked));
        Ok(())
    })
}

/// Returns how many bytes may be unpacked from the pack in all.
fn most_bytes(wreck: &Wreck, options: &SalvageOptions) -> u64 {
    let limits = &options.limits;
    let by_ratio = wreck.bytes().saturating_mul(limits.ratio);
    let most = by_ratio.max(limits.ratio_floor_bytes);
    limits.unpacked_bytes.map_or(most, |limit| limit.min(most))
}

/// Returns whether data and header agree, and what is wrong with them.
fn judge(wreck: &Wreck, row: &FragmentRow, unpacked: &Unpacked) -> Result<(bool, Option<String>)> {
    if let Some(fault) = &unpacked.fault {
        return Ok((false, Some(fault.clone())));
    }
    let at = &row.location;
    let size_bytes = unpacked.observed.size_bytes;
    let is_said = (at.crc32, at.size_bytes, at.compressed_bytes)
        == (unpacked.crc32, size_bytes, unpacked.packed_bytes);
    if is_said || (row.has_descriptor && wreck.has_descriptor(at.data_offset, unpacked)?) {
        return Ok((true, None));
    }
    let why = format!(
        "it has {size_bytes} bytes with CRC-32 {:08x}; its headers say {} with {:08x}",
        unpacked.crc32, at.size_bytes, at.crc32
    );
    Ok((false, Some(why)))
}

fn mark_manifests(rows: &Rows) -> Result<()> {
    rows.each_fragment(&mut |row| match member_name::manifest_place(&row.name) {
        Some(_) => rows.set_role(row.id, "manifest", None),
        None => Ok(()),
    })
}

/// The manifest as far as it could be read.
struct Manifest {
    state: ManifestState,
    told: Told,
    /// Root and place by the name of its member.
    named: Option<(String, Place)>,
}

/// Reads the first manifest that says anything.
fn read_manifest(wreck: &Wreck, rows: &Rows, options: &SalvageOptions) -> Result<Manifest> {
    let mut named = None;
    for row in rows.manifests()? {
        let Some((root, place)) = member_name::manifest_place(&row.name) else {
            continue;
        };
        let mut sink = Sink {
            rows,
            told: Told::default(),
        };
        let head = wreck.read_manifest(&row.location, place, &options.limits, &mut sink)?;
        let told = sink.told;
        if told.entries > 0 || told.uri.is_some() {
            let is_whole = head.is_some() && row.is_sound && told.refused == 0;
            let state = if is_whole {
                ManifestState::Whole
            } else {
                ManifestState::Partial
            };
            let named = Some((root.to_owned(), place));
            return Ok(Manifest { state, told, named });
        }
        named.get_or_insert_with(|| (root.to_owned(), place));
        rows.forget_entries()?;
    }
    Ok(Manifest {
        state: ManifestState::Lost,
        told: Told::default(),
        named,
    })
}

/// Tells root and place from the names, where the manifest has none.
fn guess(rows: &Rows) -> Result<(String, Place)> {
    let root = rows.guessed_root()?.unwrap_or_default();
    let (mut has_files, mut has_others) = (false, false);
    rows.each_fragment(&mut |row| {
        let name = std::str::from_utf8(&row.name).ok();
        let below = name.and_then(|name| name.split_once('/'));
        let Some((_, below)) = below.filter(|(found, _)| *found == root) else {
            return Ok(());
        };
        match below.split('/').next() {
            Some("files") => has_files = true,
            Some("" | "_ovpack") => {}
            _ => has_others |= row.is_sound,
        }
        Ok(())
    })?;
    let place = if has_files && !has_others {
        Place::Files
    } else {
        Place::Flat
    };
    Ok((root, place))
}

/// Says what each fragment is by its name.
fn name_all(rows: &Rows, root: &str, place: Place, options: &SalvageOptions) -> Result<()> {
    rows.each_fragment(&mut |row| {
        let name = member_name::decode(&row.name, row.is_utf8, place);
        let role = match name {
            Ok(name) if name.root == root => name.role,
            _ => return rows.set_role(row.id, "strange", None),
        };
        match role {
            Role::Manifest => rows.set_role(row.id, "manifest", None),
            Role::Root | Role::Internal | Role::Index(_) => {
                rows.set_role(row.id, "structure", None)
            }
            Role::Content { path, .. } if options.limits.check_path(&path).is_err() => {
                rows.set_role(row.id, "strange", None)
            }
            Role::Content { path, kind } => {
                let role = match kind {
                    EntryKind::File => "file",
                    EntryKind::Directory => "directory",
                };
                rows.set_role(row.id, role, Some(&path))
            }
        }
    })
}
