//! Member names: the one place where a name in a pack becomes a path, and a path a name.
//!
//! ```text
//! flat   ROOT/                       ->  root `ROOT`, path ``, directory
//!        ROOT/_._config/a.txt        ->  root `ROOT`, path `.config/a.txt`, file
//! files  ROOT/files/                 ->  root `ROOT`, path ``, directory
//!        ROOT/files/.config/a.txt    ->  root `ROOT`, path `.config/a.txt`, file
//!        ROOT/  ROOT/_ovpack/        ->  structure
//! ```

use std::borrow::Cow;

use super::{IndexMember, Place};
use crate::entry_path::{
    self, COMPONENT_BYTES_MAX, EntryKind, EntryPath, PATH_BYTES_MAX, PathFault,
};
use crate::finding::{Finding, Rule};

/// What stands for a dot at the front of a component in an escaped name.
const ESCAPED_DOT: &str = "_._";
/// What holds all that is no content, where content lies below `files/`.
const INTERNAL: &str = "_ovpack";
/// Most bytes of a name that a message shows.
const SHOWN_BYTES_MAX: usize = 1000;

/// A member name that keeps every rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemberName<'a> {
    /// The ROOT: the first component, never escaped.
    pub(crate) root: &'a str,
    /// What the member is.
    pub(crate) role: Role,
}

/// What a member is by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The manifest.
    Manifest,
    /// The ROOT itself where content lies below `files/`: a directory that is no entry.
    Root,
    /// `_ovpack/` there.
    Internal,
    /// Index records or dense vectors.
    Index(IndexMember),
    /// Content.
    Content {
        /** Below the root, unescaped. */
        path: EntryPath,
        /** By the slash at the end. */
        kind: EntryKind,
    },
}

/// Returns root and place where the name is that of a manifest.
pub(crate) fn manifest_place(raw: &[u8]) -> Option<(&str, Place)> {
    let (root, below) = std::str::from_utf8(raw).ok()?.split_once('/')?;
    let place = [Place::Flat, Place::Files]
        .into_iter()
        .find(|place| below == place.manifest_name())?;
    Some((root, place))
}

/// Reads a member's name as it stands in the ZIP. `is_utf8` is its UTF-8 flag.
///
/// # Errors
/// The first rule that it breaks.
pub(crate) fn decode(raw: &[u8], is_utf8: bool, place: Place) -> Result<MemberName<'_>, Finding> {
    let finding = |rule, detail: &str| Finding::new(rule, shown_bytes(raw), detail);
    let fault = |fault: PathFault| finding(fault.into(), &fault.to_string());
    if !is_utf8 && !raw.is_ascii() {
        let detail = "it has bytes outside of ASCII, and its UTF-8 flag is off";
        return Err(finding(Rule::NameEncoding, detail));
    }
    let name = std::str::from_utf8(raw).map_err(|_| fault(PathFault::NotUtf8))?;
    let Some((root, below)) = name.split_once('/') else {
        entry_path::check(name).map_err(fault)?;
        let detail = "it is a file beside the root directory, not in it";
        return Err(finding(Rule::SecondRoot, detail));
    };
    entry_path::check(root).map_err(fault)?;
    if root == ".relations.json" {
        return Err(finding(Rule::NameReserved, "the root has a reserved name"));
    }
    if below == place.manifest_name() {
        let role = Role::Manifest;
        return Ok(MemberName { root, role });
    }
    let (below, kind) = match below.strip_suffix('/') {
        Some(below) if !below.is_empty() => (below, EntryKind::Directory),
        None if below.is_empty() => (below, EntryKind::Directory),
        Some(_) => return Err(fault(PathFault::Empty)),
        None => (below, EntryKind::File),
    };
    let path = match place {
        Place::Flat => decode_escaped(below).map_err(fault)?,
        Place::Files => match split_files(below, kind).map_err(fault)? {
            Below::Content(path) => path,
            Below::Role(role) => return Ok(MemberName { root, role }),
            Below::Stray(rule, detail) => return Err(finding(rule, detail)),
        },
    };
    if let Some(reserved) = reserved_component(&path, place) {
        let detail = format!("`{reserved}` is a reserved name");
        return Err(finding(Rule::NameReserved, &detail));
    }
    let role = Role::Content { path, kind };
    Ok(MemberName { root, role })
}

/// Checks a path below the root before and after unescaping.
fn decode_escaped(below: &str) -> Result<EntryPath, PathFault> {
    if below.is_empty() {
        return Ok(EntryPath::root());
    }
    entry_path::check(below)?;
    EntryPath::parse(&unescape(below))
}

/// What stands below the ROOT where content lies below `files/`.
enum Below {
    Content(EntryPath),
    Role(Role),
    /// What belongs to neither, and why.
    Stray(Rule, &'static str),
}

/// Tells content from what is none. The longest path is judged without `files/`.
fn split_files(below: &str, kind: EntryKind) -> Result<Below, PathFault> {
    let is_directory = kind == EntryKind::Directory;
    let files = Place::Files.content_directory();
    match below.strip_prefix(files) {
        Some("") if is_directory => return Ok(Below::Content(EntryPath::root())),
        Some("/") => return Err(PathFault::Empty),
        Some(rest) => {
            if let Some(path) = rest.strip_prefix('/') {
                return EntryPath::parse(path).map(Below::Content);
            }
        }
        None => {}
    }
    EntryPath::parse(below)?;
    match below {
        "" if is_directory => return Ok(Below::Role(Role::Root)),
        INTERNAL if is_directory => return Ok(Below::Role(Role::Internal)),
        _ => {}
    }
    let index = IndexMember::ALL
        .into_iter()
        .find(|member| !is_directory && below == member.path());
    Ok(match index {
        Some(member) => Below::Role(Role::Index(member)),
        None if below.split('/').next() == Some(INTERNAL) && below != INTERNAL => Below::Stray(
            Rule::InternalUnknown,
            "it lies below `_ovpack/` and is none of `manifest.json`, `index_records.jsonl` and `dense.f32`",
        ),
        None => Below::Stray(
            Rule::MemberMisplaced,
            "it lies neither below `files/` nor below `_ovpack/`",
        ),
    })
}

/// Returns the path that an escaped name stands for. What it returns is to be checked as a path.
pub(crate) fn unescape(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for (position, component) in name.split('/').enumerate() {
        if position > 0 {
            path.push('/');
        }
        match component.strip_prefix(ESCAPED_DOT) {
            Some(rest) => {
                path.push('.');
                path.push_str(rest);
            }
            None => path.push_str(component),
        }
    }
    path
}

/// Why a path has no name in a layout that escapes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EscapeFault {
    /// A component that a reader would take for an escaped one.
    #[error(
        "`{component}` begins with `_._`, which reads back as a dot; other layouts can carry it"
    )]
    LooksEscaped {
        /** The component. */
        component: String,
    },
    /// A component that is too long once its dot is escaped.
    #[error(
        "`{component}` is longer than 255 bytes once its dot is escaped; other layouts can carry it"
    )]
    ComponentTooLong {
        /** The component. */
        component: String,
    },
    /// A path that is the manifest's in the other layouts.
    #[error(
        "a reader would take it for the manifest of another layout; other layouts can carry it"
    )]
    OtherManifest,
    /// A path that is too long once its dots are escaped.
    #[error("it is longer than 4096 bytes once its dots are escaped; other layouts can carry it")]
    PathTooLong,
}

/// Returns the name of a path below the root, without ROOT and without a slash at the end.
///
/// # Errors
/// [`EscapeFault`] where reading the name would not give the path back.
pub(crate) fn escape(path: &EntryPath) -> Result<String, EscapeFault> {
    let mut name = String::with_capacity(path.len());
    for component in path.components() {
        if component.starts_with(ESCAPED_DOT) {
            let component = component.to_owned();
            return Err(EscapeFault::LooksEscaped { component });
        }
        if !name.is_empty() {
            name.push('/');
        }
        match component.strip_prefix('.') {
            Some(rest) if ESCAPED_DOT.len() + rest.len() > COMPONENT_BYTES_MAX => {
                let component = component.to_owned();
                return Err(EscapeFault::ComponentTooLong { component });
            }
            Some(rest) => {
                name.push_str(ESCAPED_DOT);
                name.push_str(rest);
            }
            None => name.push_str(component),
        }
    }
    if name.len() > PATH_BYTES_MAX {
        return Err(EscapeFault::PathTooLong);
    }
    Ok(name)
}

/// Returns the member name of content, without a slash at the end.
///
/// # Errors
/// [`EscapeFault`] where reading the name would not give the path back.
pub(crate) fn content_name(
    root: &str,
    path: &EntryPath,
    place: Place,
) -> Result<String, EscapeFault> {
    let mut name = root.to_owned();
    for part in [place.content_directory(), &*below_in(path, place)?] {
        if !part.is_empty() {
            name.push('/');
            name.push_str(part);
        }
    }
    Ok(name)
}

fn below_in(path: &EntryPath, place: Place) -> Result<Cow<'_, str>, EscapeFault> {
    match place {
        Place::Files => Ok(Cow::Borrowed(path.as_str())),
        // A reader would find two manifests.
        Place::Flat if path.as_str() == Place::Files.manifest_name() => {
            Err(EscapeFault::OtherManifest)
        }
        Place::Flat => escape(path).map(Cow::Owned),
    }
}

/// Returns the first component that the place keeps for itself.
pub(crate) fn reserved_component(path: &EntryPath, place: Place) -> Option<&str> {
    path.components()
        .find(|component| place.is_reserved(component))
}

/// Returns a name for a message: not longer than a screen.
pub(crate) fn shown(name: &str) -> String {
    if name.len() <= SHOWN_BYTES_MAX {
        return name.to_owned();
    }
    let cut = (0..=SHOWN_BYTES_MAX)
        .rev()
        .find_map(|cut| name.get(..cut))
        .unwrap_or_default();
    format!("{cut}...")
}

/// Returns a name in any bytes for a message; what is not UTF-8 is shown as U+FFFD.
pub(crate) fn shown_bytes(name: &[u8]) -> String {
    shown(&String::from_utf8_lossy(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(name: &str) -> Result<(String, EntryKind), Rule> {
        decoded(name, Place::Flat)
    }

    fn decoded(name: &str, place: Place) -> Result<(String, EntryKind), Rule> {
        match decode(name.as_bytes(), true, place) {
            Ok(MemberName {
                root,
                role: Role::Content { path, kind },
            }) => {
                assert_eq!(root, "r");
                Ok((path.as_str().to_owned(), kind))
            }
            Ok(MemberName { role, .. }) => Ok((format!("{role:?}"), EntryKind::File)),
            Err(finding) => Err(finding.rule),
        }
    }

    #[test]
    fn names_become_paths() {
        use EntryKind::{Directory, File};
        for (name, path, kind) in [
            ("r/", "", Directory),
            ("r/a", "a", File),
            ("r/a/", "a", Directory),
            ("r/_._a/b._c", ".a/b._c", File),
            ("r/_._._.", ".._.", File),
            ("r/_._..", "...", File),
            ("r/.a", ".a", File),
            ("r/_.x", "_.x", File),
            ("r/a_._b", "a_._b", File),
            ("r/_._ovpack_manifest.json", "Manifest", File),
            ("r/tab\tnew\nline", "tab\tnew\nline", File),
            ("r/_._\u{301}", ".\u{301}", File),
            ("r/c", "c", File),
            ("r/x/c:y", "x/c:y", File),
        ] {
            assert_eq!(content(name), Ok((path.to_owned(), kind)), "{name:?}");
        }
    }

    #[test]
    fn names_that_break_a_rule_are_findings() {
        let long = "x".repeat(256);
        let long_escaped = format!("r/_._{}", "x".repeat(253));
        let deep = format!("r/{}a", "abc/".repeat(1024));
        for (name, rule) in [
            ("r", Rule::SecondRoot),
            ("", Rule::NameEmptyComponent),
            ("/", Rule::NameEmptyComponent),
            ("/r/a", Rule::NameEmptyComponent),
            ("r//", Rule::NameEmptyComponent),
            ("r//a", Rule::NameEmptyComponent),
            ("r/a//", Rule::NameEmptyComponent),
            ("r/../a", Rule::NameDotComponent),
            ("r/_._", Rule::NameDotComponent),
            ("r/_._./a", Rule::NameDotComponent),
            ("../a", Rule::NameDotComponent),
            (".", Rule::NameDotComponent),
            ("r/a\\b", Rule::NameBackslash),
            ("r\\b/a", Rule::NameBackslash),
            ("r/c:/a", Rule::NameDriveLetter),
            ("c:/a", Rule::NameDriveLetter),
            ("r/a\0", Rule::NameControlCharacter),
            ("r/a\r", Rule::NameControlCharacter),
            (long_escaped.as_str(), Rule::NameTooLong),
            (deep.as_str(), Rule::NameTooLong),
            ("r/_._relations.json", Rule::NameReserved),
            ("r/.relations.json/a", Rule::NameReserved),
            (".relations.json/a", Rule::NameReserved),
            ("r/.ovpack_manifest.json", Rule::NameReserved),
            ("r/a/_._ovpack_manifest.json", Rule::NameReserved),
            ("r/_._ovpack_manifest.json/", Rule::NameReserved),
        ] {
            assert_eq!(content(name), Err(rule), "{name:?}");
        }
        assert_eq!(content(&format!("r/{long}")), Err(Rule::NameTooLong));
        assert_eq!(content(&format!("{long}/a")), Err(Rule::NameTooLong));
    }

    #[test]
    fn names_below_files_are_content_as_they_are() {
        use EntryKind::{Directory, File};
        for (name, path, kind) in [
            ("r/files/", "", Directory),
            ("r/files/a", "a", File),
            ("r/files/a/", "a", Directory),
            ("r/files/.a/_._b", ".a/_._b", File),
            ("r/files/files", "files", File),
            (
                "r/files/_ovpack/manifest.json",
                "_ovpack/manifest.json",
                File,
            ),
            (
                "r/files/.ovpack_manifest.json",
                ".ovpack_manifest.json",
                File,
            ),
            ("r/", "Root", File),
            ("r/_ovpack/", "Internal", File),
            ("r/_ovpack/manifest.json", "Manifest", File),
            ("r/_ovpack/index_records.jsonl", "Index(Records)", File),
            ("r/_ovpack/dense.f32", "Index(Dense)", File),
        ] {
            let expected = Ok((path.to_owned(), kind));
            assert_eq!(decoded(name, Place::Files), expected, "{name:?}");
        }
        let long = format!("r/files/{}", "abc/".repeat(1024).trim_end_matches('/'));
        assert!(decoded(&long, Place::Files).is_ok(), "4095 bytes of path");
    }

    #[test]
    fn names_that_are_neither_content_nor_known_are_findings() {
        for (name, rule) in [
            ("r/a", Rule::MemberMisplaced),
            ("r/a/", Rule::MemberMisplaced),
            ("r/files", Rule::MemberMisplaced),
            ("r/filesystem/a", Rule::MemberMisplaced),
            ("r/Files/a", Rule::MemberMisplaced),
            ("r/_ovpack", Rule::MemberMisplaced),
            ("r/_._ovpack/a", Rule::MemberMisplaced),
            ("r/_ovpack/a", Rule::InternalUnknown),
            ("r/_ovpack/manifest.json/", Rule::InternalUnknown),
            ("r/_ovpack/Manifest.json", Rule::InternalUnknown),
            ("r/_ovpack/index_records.jsonl/", Rule::InternalUnknown),
            ("r/_ovpack/dense.f32/a", Rule::InternalUnknown),
            ("r/_ovpack/vectors/", Rule::InternalUnknown),
            ("r/files//a", Rule::NameEmptyComponent),
            ("r/files//", Rule::NameEmptyComponent),
            ("r/files/../a", Rule::NameDotComponent),
            ("r/../files/a", Rule::NameDotComponent),
            ("r/_ovpack/../files/a", Rule::NameDotComponent),
            ("r/files/c:/a", Rule::NameDriveLetter),
            ("r/files/a\\b", Rule::NameBackslash),
            ("r/files/.relations.json", Rule::NameReserved),
            ("r/files/a/.relations.json/b", Rule::NameReserved),
            (".relations.json/files/a", Rule::NameReserved),
            ("r", Rule::SecondRoot),
        ] {
            assert_eq!(decoded(name, Place::Files), Err(rule), "{name:?}");
        }
    }

    #[test]
    fn names_are_utf8_and_ascii_where_the_flag_is_off() {
        for (raw, is_utf8, is_good) in [
            (&b"r/\xff"[..], true, false),
            (b"r/\xff", false, false),
            ("r/\u{e9}".as_bytes(), false, false),
            ("r/\u{e9}".as_bytes(), true, true),
            (b"r/e", false, true),
        ] {
            let decoded = decode(raw, is_utf8, Place::Flat).map(|_| ());
            let rule = decoded.map_err(|finding| finding.rule);
            let expected = if is_good {
                Ok(())
            } else {
                Err(Rule::NameEncoding)
            };
            assert_eq!(rule, expected, "{raw:?}");
        }
    }

    #[test]
    fn escaping_is_undone_by_reading() {
        for text in ["", ".a", "a/.b/..c", "_.x", "a_._b", "_", "_._", "a/_._x"] {
            let path = EntryPath::parse(text).expect("a path");
            match escape(&path) {
                Ok(name) => assert_eq!(unescape(&name), text),
                Err(fault) => {
                    let component = path.leaf().unwrap_or_default().to_owned();
                    assert_eq!(fault, EscapeFault::LooksEscaped { component });
                }
            }
        }
        assert_eq!(
            EntryPath::parse(".a/b").map(|path| escape(&path)),
            Ok(Ok("_._a/b".to_owned()))
        );
    }

    #[test]
    fn a_path_whose_name_could_not_be_read_back_has_none() {
        let component = format!(".{}", "x".repeat(253));
        let path = EntryPath::parse(&component).expect("a path");
        assert_eq!(
            escape(&path),
            Err(EscapeFault::ComponentTooLong { component })
        );
        let path = EntryPath::parse(".a/".repeat(1365).trim_end_matches('/')).expect("a path");
        assert_eq!(escape(&path), Err(EscapeFault::PathTooLong));
    }

    #[test]
    fn long_names_are_cut_between_characters_in_messages() {
        assert_eq!(shown("abc"), "abc");
        let cut = shown(&"\u{e9}".repeat(600));
        assert_eq!(cut, format!("{}...", "\u{e9}".repeat(500)));
        assert_eq!(shown(&"\u{8a9e}".repeat(600)).len(), 999 + 3);
    }
}
