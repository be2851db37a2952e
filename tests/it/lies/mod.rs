//! Lies: packs that say what is not so, each by one named untruth, told to the built program.
//!
//! Each lie is imported over live content and verified, with little memory and little time. The
//! program must name the untruth by its code, and nothing of the store or beside it may change.

mod attribute;
mod bit_flip;
mod bomb;
mod deflate_stream;
mod descriptor;
mod duplicate;
mod extra_field;
mod index;
mod json;
mod layout;
mod local_header;
mod manifest;
mod method;
mod path;
mod scope;
mod structure;
mod truncation;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use ovpack::Digest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::pack_builder::{Member, Zip, content_sha256};
use crate::support::test_store::{Output, output};
use crate::support::{PackBuilder, TestStore, Tree, assert_same, path_of, scratch};

/// Most address space of the program, in KiB; resident memory is less.
const MEMORY_KIB_MAX: u64 = 128 << 10;

/// The families and their lies.
const FAMILIES: [(&str, fn() -> Vec<Lie>); 17] = [
    ("path", path::lies),
    ("attribute", attribute::lies),
    ("method", method::lies),
    ("deflate stream", deflate_stream::lies),
    ("duplicate", duplicate::lies),
    ("local header", local_header::lies),
    ("extra field", extra_field::lies),
    ("descriptor", descriptor::lies),
    ("structure", structure::lies),
    ("truncation", truncation::lies),
    ("bit flip", bit_flip::lies),
    ("bomb", bomb::lies),
    ("JSON", json::lies),
    ("manifest", manifest::lies),
    ("scope", scope::lies),
    ("layout", layout::lies),
    ("index", index::lies),
];

/// A pack that says what is not so.
struct Lie {
    name: &'static str,
    /// The code of the rule that it breaks.
    code: &'static str,
    /// The code that names the whole, where the lie breaks an earlier rule too.
    reason: &'static str,
    /// What the finding of that code must name: the member or path, and both values where the lie
    /// is that two places contradict each other.
    says: Vec<&'static str>,
    pack: Pack,
    /// The verb that is to refuse it, and its arguments after the pack.
    verb: &'static [&'static str],
    /// Whether the pack itself is sound, and only the target is wrong.
    is_sound: bool,
    /// Most seconds of processor time, and of the clock on a machine that has nothing else to do.
    seconds: u64,
}

/// Where a lie's bytes come from; made when the lie is told.
enum Pack {
    Built(Box<PackBuilder>),
    Written(Box<dyn FnOnce(&Utf8Path)>),
}

impl Pack {
    fn write(self, path: &Utf8Path) {
        match self {
            Self::Built(built) => drop(built.write(path)),
            Self::Written(write) => write(path),
        }
    }
}

/// Makes a lie of a pack.
fn lie(name: &'static str, code: &'static str, pack: PackBuilder) -> Lie {
    Lie::new(name, code, Pack::Built(Box::new(pack)))
}

/// Makes a lie of bytes that something writes to a path.
fn written(name: &'static str, code: &'static str, write: impl FnOnce(&Utf8Path) + 'static) -> Lie {
    Lie::new(name, code, Pack::Written(Box::new(write)))
}

/// Makes a lie of the honest pack's archive.
fn archive(name: &'static str, code: &'static str, change: impl FnOnce(&mut Zip) + 'static) -> Lie {
    lie(name, code, honest().zip(change))
}

/// Makes a lie of the member `notes/a.md`, which holds `as promised`: 11 bytes.
fn member(
    name: &'static str,
    code: &'static str,
    change: impl FnOnce(&mut Member) + 'static,
) -> Lie {
    lie(name, code, honest().member("a.md", change)).says(&["a.md"])
}

/// Makes a lie of the honest pack's manifest.
fn manifest(
    name: &'static str,
    code: &'static str,
    change: impl FnOnce(&mut Value) + 'static,
) -> Lie {
    lie(name, code, honest().manifest(change))
}

/// The pack that all is made from, and that is live when the lies are told.
fn honest() -> PackBuilder {
    PackBuilder::of("viking://resources/notes")
        .file("a.md", "as promised")
        .file("sub/b.md", "b")
}

/// The honest pack, whose manifest says of `a.md` that it has another size.
fn sized(size: u64) -> PackBuilder {
    honest().manifest(move |manifest| {
        let entries = manifest["entries"].as_array_mut().unwrap();
        let found = entries.iter_mut().find(|entry| entry["path"] == "a.md");
        found.unwrap()["size"] = json!(size);
        let digests = [("a.md", "as promised", size), ("sub/b.md", "b", 1)];
        let files = digests.map(|(path, bytes, size)| {
            let size = usize::try_from(size).unwrap();
            (path, Digest::of(bytes.as_bytes()), size)
        });
        manifest["content_sha256"] = json!(content_sha256(files.into_iter()).to_string());
    })
}

impl Lie {
    fn new(name: &'static str, code: &'static str, pack: Pack) -> Self {
        Self {
            name,
            code,
            reason: code,
            says: Vec::new(),
            pack,
            verb: &["import", "resources"],
            is_sound: false,
            seconds: 2,
        }
    }

    /// Says what the finding must name.
    fn says(mut self, texts: &[&'static str]) -> Self {
        self.says.extend(texts);
        self
    }

    /// Says which rule it breaks too, one that is reported first.
    fn after(mut self, reason: &'static str) -> Self {
        self.reason = reason;
        self
    }

    /// Says that the lie may take longer.
    fn bomb(mut self) -> Self {
        self.seconds = 10;
        self
    }

    /// Says which verb is to refuse it; the pack's path comes after the first word.
    fn told_to(mut self, verb: &'static [&'static str]) -> Self {
        self.verb = verb;
        self
    }

    /// Says that `verify` has nothing against it.
    fn sound(mut self) -> Self {
        self.is_sound = true;
        self
    }
}

/// A store with live content, and what is all to be the same after each lie.
struct Victim {
    store: TestStore,
    before: Tree,
    /// Where the packs are: not beside the store, where nothing may appear.
    packs: TempDir,
}

impl Victim {
    fn new() -> Self {
        let store = TestStore::fresh();
        let packs = scratch();
        let pack = honest().write(&path_of(&packs).join("honest.ovpack"));
        store.import(&pack, "viking://resources");
        store.write("resources/notes/hand.md", b"written by hand");
        store.write("user/alice/memories/m.md", b"a memory");
        std::fs::remove_file(pack).unwrap();
        let before = Self::state(&store);
        assert!(before.contains_key("viking/resources/notes/hand.md"));
        Self {
            store,
            before,
            packs,
        }
    }

    /// Runs the program with little memory and little time.
    fn run(&self, arguments: &[&str], seconds: u64) -> Output {
        self.run_within(MEMORY_KIB_MAX, arguments, seconds)
    }

    fn run_within(&self, memory_kib: u64, arguments: &[&str], seconds: u64) -> Output {
        let command = self.store.command(arguments);
        let limits = format!("ulimit -v {memory_kib} && ulimit -t {seconds} && exec \"$0\" \"$@\"");
        let mut limited = Command::new("sh");
        limited
            .args(["-c", &limits])
            .arg(command.get_program())
            .args(command.get_args())
            .env_clear()
            .current_dir(self.store.beside(""))
            .stdin(Stdio::null());
        output(limited)
    }

    /// Runs an importing verb with a policy.
    fn import(&self, pack: &Utf8Path, verb: &[&str], policy: &str, seconds: u64) -> Output {
        let (name, target) = verb.split_first().unwrap();
        let mut arguments = vec![*name, pack.as_str()];
        arguments.extend(target);
        arguments.extend(["--json", "--wait", "10", "--on-conflict", policy]);
        self.run(&arguments, seconds)
    }

    /// Returns all that a refusal must leave as it is. The journal is no part of it: it notes each.
    fn state(store: &TestStore) -> Tree {
        let mut state = store.whole();
        assert!(state.remove(".ovpack/store.db").is_some());
        state
    }

    /// Tells a lie to an importing verb and to `verify`; asserts that it is named and believed by
    /// neither.
    #[expect(
        clippy::print_stderr,
        reason = "how long a lie took is worth reading when a test is slow"
    )]
    fn tell(&self, lie: Lie) {
        let what = lie.name;
        let pack = path_of(&self.packs).join("lie.ovpack");
        lie.pack.write(&pack);
        let import = || self.import(&pack, lie.verb, "overwrite", lie.seconds);
        let began = Instant::now();
        let refusals = if lie.is_sound {
            let verified = self.run(&["verify", pack.as_str(), "--json"], lie.seconds);
            drop(verified.result());
            vec![import()]
        } else {
            let told = self.run(&["verify", pack.as_str()], lie.seconds);
            assert_tells(what, &told, &lie.says);
            let verify = ["verify", pack.as_str(), "--json"];
            vec![import(), self.run(&verify, lie.seconds)]
        };
        let took = began.elapsed();
        eprintln!("{took:?} for {what}");
        for refusal in refusals {
            assert_refuses(what, &refusal, (lie.reason, lie.code), &lie.says);
        }
        // The processor time is bounded for each run; the clock also runs for other tests.
        let patience = Duration::from_secs(10 * lie.seconds);
        assert!(took < patience, "{what}: took {took:?}");
        self.assert_untouched(what);
        std::fs::remove_file(pack).unwrap();
    }

    /// Asserts that store, live tree and all around them are as before.
    fn assert_untouched(&self, what: &str) {
        assert_same(&Self::state(&self.store), &self.before, what);
        let names = |directory: &Utf8Path| -> Vec<_> {
            let entries = directory.read_dir_utf8().unwrap();
            entries
                .map(|entry| entry.unwrap().file_name().to_owned())
                .collect()
        };
        assert_eq!(names(&self.store.beside("")), ["store"], "{what}");
        assert_eq!(names(&path_of(&self.packs)), ["lie.ovpack"], "{what}");
    }
}

/// Asserts that a refusal for people names the lie, says what to do, and sends neither a
/// control character nor a flood to the terminal.
#[track_caller]
fn assert_tells(what: &str, told: &Output, says: &[&str]) {
    assert_eq!(told.code, Some(10), "{what}: {told:?}");
    assert_eq!(told.stdout, "", "{what}");
    for text in ["error: ", "\nhelp: "].iter().chain(says) {
        assert!(told.stderr.contains(text), "{what}: not {text:?}: {told:?}");
    }
    assert!(told.stderr.len() < 64 << 10, "{what}: a long answer");
    let controls = |letter: char| letter.is_control() && letter != '\n';
    assert!(!told.stderr.contains(controls), "{what}: {told:?}");
}

/// Asserts that a refusal for programs has the lie's code, a finding of that code which says all
/// that it must, and a cure.
#[track_caller]
fn assert_refuses(what: &str, refusal: &Output, (reason, code): (&str, &str), says: &[&str]) {
    assert_eq!(refusal.code, Some(10), "{what}: {refusal:?}");
    assert_eq!(refusal.stderr, "", "{what}");
    let json = refusal.json();
    assert_eq!(json["status"], "error", "{what}: {json}");
    let error = &json["error"];
    assert_eq!(error["reason"], reason, "{what}: {error}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    assert!(!text(&error["message"]).is_empty(), "{what}: {error}");
    assert!(!text(&error["help"]).is_empty(), "{what}: {error}");
    let findings = error["details"]["findings"].as_array().unwrap();
    let found = findings.iter().any(|finding| {
        let told = format!("{}: {}", text(&finding["path"]), text(&finding["detail"]));
        finding["code"] == code && says.iter().all(|text| told.contains(text))
    });
    assert!(found, "{what}: no finding {code} says {says:?}: {error}");
}

/// Tells all lies of a family to one store.
fn tell(family: &str) {
    let (_, lies) = FAMILIES
        .into_iter()
        .find(|(name, _)| *name == family)
        .unwrap();
    let victim = Victim::new();
    // All lies are told; each that goes wrong reports itself by its panic.
    let lies = lies();
    let count = lies.len();
    let wrong: Vec<_> = lies
        .into_iter()
        .filter_map(|lie| {
            let name = lie.name;
            let told = catch_unwind(AssertUnwindSafe(|| victim.tell(lie)));
            told.is_err().then_some(name)
        })
        .collect();
    assert!(wrong.is_empty(), "{family}: {wrong:?}");
    // The store is not only unchanged, it still works.
    let pack = honest().write(&path_of(&victim.packs).join("honest.ovpack"));
    let import = victim.import(&pack, &["import", "resources"], "overwrite", 2);
    let result = import.result();
    assert_eq!(result["skipped"], false, "{family}");
    let mut log = victim.store.log().into_iter().rev();
    let states: Vec<_> = log.by_ref().map(|transaction| transaction.state).collect();
    let (aborted, effective) = states
        .iter()
        .partition::<Vec<_>, _>(|state| *state == "aborted");
    assert_eq!(
        (aborted.len(), effective.len()),
        (count, 2),
        "{family}: {states:?}"
    );
}

/// Where the target is there, `skip` would write nothing; but a bad pack is no reason to be content.
#[test]
fn lies_are_named_also_where_nothing_would_be_written() {
    let victim = Victim::new();
    let pack = path_of(&victim.packs).join("lie.ovpack");
    let mut told = 0;
    for (_, lies) in FAMILIES {
        let last = lies()
            .into_iter()
            .rfind(|lie| !lie.is_sound && lie.verb.len() > 1);
        let Some(lie) = last else { continue };
        lie.pack.write(&pack);
        let refusal = victim.import(&pack, lie.verb, "skip", lie.seconds);
        assert_refuses(lie.name, &refusal, (lie.reason, lie.code), &lie.says);
        victim.assert_untouched(lie.name);
        told += 1;
    }
    assert_eq!(told, FAMILIES.len());
}

#[test]
fn the_limit_of_memory_is_one() {
    let victim = Victim::new();
    let pack = honest().write(&path_of(&victim.packs).join("honest.ovpack"));
    let verify = ["verify", pack.as_str(), "--json"];
    drop(victim.run_within(MEMORY_KIB_MAX, &verify, 2).result());
    let starved = victim.run_within(4 << 10, &verify, 2);
    assert_ne!(starved.code, Some(0), "{starved:?}");
}

#[test]
fn there_are_many_lies_and_each_has_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    for (family, lies) in FAMILIES {
        let lies = lies();
        assert!(lies.len() >= 6, "{family}: {} lies", lies.len());
        for lie in lies {
            let name = lie.name;
            assert!(names.insert((family, name)), "{family}: {name}: told twice");
            assert!(
                ovpack::Error::CODES.contains(&lie.code)
                    || ovpack::Rule::from_code(lie.code).is_some(),
                "{family}: {name}: no code {}",
                lie.code
            );
        }
    }
    let unique: BTreeSet<_> = names.iter().map(|(_, name)| name).collect();
    assert_eq!(unique.len(), names.len(), "a name in two families");
    assert!(names.len() >= 650, "{} lies", names.len());
}

macro_rules! families {
    ($($test:ident, $family:literal;)*) => {
        $(#[test]
        fn $test() {
            tell($family);
        })*

        #[test]
        fn each_family_is_told() {
            let told = [$($family),*];
            assert_eq!(told, FAMILIES.map(|(family, _)| family));
        }
    };
}

families! {
    lies_by_path, "path";
    lies_by_attribute, "attribute";
    lies_by_method_and_flags, "method";
    lies_by_deflate_stream, "deflate stream";
    lies_by_duplicate, "duplicate";
    lies_by_local_header, "local header";
    lies_by_extra_field, "extra field";
    lies_by_descriptor, "descriptor";
    lies_by_structure, "structure";
    lies_by_truncation, "truncation";
    lies_by_bit_flip, "bit flip";
    lies_by_bomb, "bomb";
    lies_by_json, "JSON";
    lies_by_manifest, "manifest";
    lies_by_scope, "scope";
    lies_by_layout, "layout";
    lies_by_index, "index";
}
