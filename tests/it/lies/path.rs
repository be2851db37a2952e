//! Names that are no paths, or that are not for content.

use super::{Lie, archive, honest, lie};
use crate::support::PackBuilder;
use crate::support::pack_builder::Member;

/// A member of a name that no path may have; its manifest does not know it either.
fn stray(name: &'static str, code: &'static str, member: impl AsRef<[u8]>) -> Lie {
    lie(name, code, honest().stray(member, "x"))
}

/// A pack whose ROOT is of this name, in the archive and in the manifest.
fn root(name: &'static str, code: &'static str, root: &str) -> Lie {
    let uri = format!("viking://resources/{root}");
    lie(name, code, PackBuilder::of(&uri).file("a.md", "a"))
}

/// A member that the manifest lists, under a name that says nothing of its encoding.
fn unflagged(name: &'static str, code: &'static str, member: &'static [u8]) -> Lie {
    archive(name, code, move |zip| {
        let mut member = Member::stored(member, b"x");
        member.both(|header| header.flags = 0);
        zip.members.insert(2, member);
    })
}

pub(super) fn lies() -> Vec<Lie> {
    [dots(), slashes(), letters(), lengths(), reserved(), roots()]
        .into_iter()
        .flatten()
        .collect()
}

fn dots() -> Vec<Lie> {
    let code = "name-dot-component";
    vec![
        stray("up and out", code, "notes/../../../../escaped.md").says(&[".."]),
        stray("up and in again", code, "notes/sub/../c.md").says(&["notes/sub/../c.md"]),
        stray("up at the end", code, "notes/..").says(&["notes/.."]),
        stray("up at the start", code, "../notes/c.md"),
        stray("up as a directory", code, "notes/sub/../"),
        stray("here in the middle", code, "notes/./c.md"),
        stray("here at the end", code, "notes/sub/."),
        stray("here at the start", code, "./notes/c.md"),
        stray("up after unescaping", code, "notes/_._./c.md").says(&["notes/_._./c.md"]),
        stray("here after unescaping", code, "notes/_._/c.md"),
        root("a ROOT that is up", code, ".."),
        root("a ROOT that is here", code, "."),
    ]
}

fn slashes() -> Vec<Lie> {
    let code = "name-empty-component";
    vec![
        stray("absolute", code, "/etc/passwd").says(&["/etc/passwd"]),
        stray("absolute below ROOT", code, "/notes/c.md"),
        stray("absolute by two slashes", code, "//notes/c.md"),
        stray("two slashes", code, "notes//c.md").says(&["notes//c.md"]),
        stray("two slashes at the end", code, "notes/sub//"),
        stray("nothing but a slash", code, "/"),
        stray("no name at all", code, ""),
        stray("backslash", "name-backslash", "notes/sub\\c.md").says(&["notes/sub\\c.md"]),
        stray("backslash after ROOT", "name-backslash", "notes\\c.md"),
        stray(
            "up with backslashes",
            "name-backslash",
            "notes/..\\..\\c.md",
        ),
        stray("a share", "name-backslash", "\\\\server\\share\\c.md"),
        root("a ROOT with a backslash", "name-backslash", "no\\tes"),
        stray("drive letter", "name-drive-letter", "notes/c:evil.md").says(&["c:evil.md"]),
        stray("drive letter alone", "name-drive-letter", "notes/Z:/c.md"),
        root("a ROOT that is a drive", "name-drive-letter", "C:"),
    ]
}

fn letters() -> Vec<Lie> {
    let (control, encoding) = ("name-control-character", "name-encoding");
    vec![
        stray("NUL in the middle", control, "notes/c.md\0.png"),
        stray("NUL at the end", control, "notes/a.md\0"),
        stray("bell", control, "notes/\u{7}.md"),
        stray("escape sequence", control, "notes/\u{1b}[2J\u{1b}[31mok"),
        stray("carriage return", control, "notes/ok\rerror: all is well"),
        stray("backspaces", control, "notes/evil\u{8}\u{8}\u{8}\u{8}good"),
        stray("vertical tab", control, "notes/c\u{b}.md"),
        stray("the last control character", control, "notes/\u{1f}"),
        stray("the first control character", control, "notes/sub/\u{1}"),
        root("a ROOT with a bell", control, "no\u{7}tes"),
        stray("no UTF-8", encoding, b"notes/caf\xe9.md"),
        stray("a byte that UTF-8 never has", encoding, b"notes/\xff.md"),
        stray("an overlong slash", encoding, b"notes/..\xc0\xafc.md"),
        stray("an overlong NUL", encoding, b"notes/\xc0\x80.md"),
        stray("a surrogate", encoding, b"notes/\xed\xa0\x80.md"),
        stray("beyond Unicode", encoding, b"notes/\xf4\x90\x80\x80.md"),
        stray("a letter cut short", encoding, b"notes/\xe4\xbd"),
        unflagged(
            "UTF-8 without its flag",
            encoding,
            "notes/café.md".as_bytes(),
        ),
        unflagged("code page 437", encoding, b"notes/caf\x82.md"),
        unflagged("Shift JIS", encoding, b"notes/\x83\x5c.md"),
    ]
}

fn lengths() -> Vec<Lie> {
    let code = "name-too-long";
    let long = |letter: &str, count| format!("notes/{}", letter.repeat(count));
    // 585 components of 7 bytes make 4,095 bytes with their slashes.
    let deep = |last: &str| format!("notes/{}{last}", "abcdef/".repeat(584));
    vec![
        stray("a component of 256 bytes", code, long("x", 256)),
        stray(
            "a component of 86 letters and 258 bytes",
            code,
            long("字", 86),
        ),
        stray("a directory of 256 bytes", code, long("x", 256) + "/"),
        stray(
            "a component below one of 256 bytes",
            code,
            long("x", 256) + "/c",
        ),
        stray(
            "256 bytes before unescaping",
            code,
            long("_._", 1) + &"x".repeat(253),
        ),
        stray(
            "a path of more than 4,096 bytes",
            code,
            deep("abcdefghijklmnop"),
        ),
        stray(
            "a path of 65,535 bytes",
            code,
            "notes/".to_owned() + &"x/".repeat(32_764) + "x",
        ),
        root("a ROOT of 256 bytes", code, &"x".repeat(256)),
    ]
}

fn reserved() -> Vec<Lie> {
    let code = "name-reserved";
    vec![
        lie("relations", code, honest().file(".relations.json", "{}")).says(&[".relations.json"]),
        lie(
            "relations below",
            code,
            honest().file("sub/.relations.json", "{}"),
        )
        .says(&["sub/"]),
        lie(
            "relations as a directory",
            code,
            honest().directory(".relations.json"),
        ),
        lie(
            "relations above a file",
            code,
            honest().file(".relations.json/c.md", "c"),
        ),
        stray("relations not escaped", code, "notes/.relations.json"),
        root("a ROOT of relations", code, ".relations.json"),
        lie(
            "a manifest of below",
            code,
            honest().file("sub/.ovpack_manifest.json", "{}"),
        ),
        lie(
            "a manifest as a directory",
            code,
            honest().file("sub/.ovpack_manifest.json/c", ""),
        ),
        stray(
            "a manifest not escaped",
            code,
            "notes/.ovpack_manifest.json",
        ),
    ]
}

fn roots() -> Vec<Lie> {
    let (second, file) = ("second-root", "file-as-directory");
    vec![
        stray("a second root", second, "other/c.md").says(&["other"]),
        stray("a second root that is a file", second, "c.md"),
        stray("a second root that is empty", second, "other/"),
        stray("a second root in capitals", second, "NOTES/c.md"),
        stray("a second root with a space", second, "notes /c.md"),
        stray("a second root with a longer name", second, "notes2/c.md"),
        stray("a file above a member", file, "notes/a.md/c.md").says(&["a.md"]),
        lie(
            "a file above a directory",
            file,
            honest().stray("notes/a.md/sub/", ""),
        ),
        stray(
            "a file above a member, far below",
            file,
            "notes/sub/b.md/c/d/e.md",
        ),
        stray("ROOT as a file", "second-root", "notes"),
    ]
}
