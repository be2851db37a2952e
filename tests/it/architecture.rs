//! The source tree is the architecture: docs/design.md prints the modules in the order in which
//! they may use each other, and this holds the code to it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Most lines of a file, its tests not counted.
const LINES_MAX: usize = 400;

/// Files that may call what clippy forbids elsewhere: writing files, opening databases, reading
/// the clock and the environment.
const DOORS: &[&str] = &[
    "src/bin/ovpack/caller.rs",
    "src/bin/ovpack/fault.rs",
    "src/clock.rs",
    "src/db.rs",
    "src/fsops.rs",
];

#[test]
fn a_module_uses_only_modules_printed_above_it() {
    let floors = floors();
    let modules = library_modules();
    let listed: BTreeSet<_> = floors.iter().cloned().collect();
    let there: BTreeSet<_> = modules.keys().cloned().collect();
    assert_eq!(
        listed, there,
        "docs/design.md prints each module of src/ once"
    );
    assert_eq!(listed.len(), floors.len(), "no module is printed twice");

    let place = |module: &str| floors.iter().position(|listed| listed == module);
    let mut wrong = Vec::new();
    for (module, code) in &modules {
        for used in used_modules(module, code, &there) {
            let is_kin = is_at_or_above(module, &used) || is_at_or_above(&used, module);
            if !is_kin && place(&used) >= place(module) {
                wrong.push(format!("{module} uses {used}, which is printed below it"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn no_module_uses_another_by_a_name_that_the_crate_exports() {
    let modules = library_modules();
    let there: BTreeSet<_> = modules.keys().cloned().collect();
    let mut wrong = Vec::new();
    for (module, code) in &modules {
        for path in paths_after(code, "crate::") {
            let first = path.split('/').next().unwrap_or_default();
            if !there.contains(first) {
                wrong.push(format!("{module} uses crate::{first}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn no_file_has_more_lines_than_one_sitting_reads() {
    let long: Vec<_> = source_files("src")
        .into_iter()
        .map(|(path, text)| (without_tests(&text).lines().count(), path))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .collect();
    assert_eq!(long, Vec::<(usize, String)>::new());
}

#[test]
fn only_the_doors_are_excepted_from_the_forbidden_calls() {
    let excepted: Vec<_> = source_files("src")
        .into_iter()
        .filter(|(_, text)| without_tests(text).contains("clippy::disallowed_methods"))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(excepted, DOORS);
}

#[test]
fn only_ui_prints() {
    let printing: Vec<_> = source_files("src")
        .into_iter()
        .filter(|(_, text)| {
            let code = code_of(text);
            ["io::stdout()", "io::stderr()", "io::stdin()"]
                .iter()
                .any(|stream| code.contains(stream))
        })
        .map(|(path, _)| path)
        .collect();
    assert_eq!(printing, ["src/bin/ovpack/ui.rs"]);
}

/// Returns the modules in the order in which docs/design.md prints them.
fn floors() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("docs/design.md")).expect("it is there");
    let section = text.split("## Source tree").nth(1).expect("the section");
    let block = section.split("```").nth(1).expect("the block");
    block
        .lines()
        .skip(1)
        .filter(|line| !line.starts_with("--"))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// Returns the code of each module of the library, such as `pack/reader`.
fn library_modules() -> BTreeMap<String, String> {
    source_files("src")
        .into_iter()
        .filter(|(path, _)| !path.starts_with("src/bin/") && path != "src/lib.rs")
        .map(|(path, text)| {
            let module = path.trim_start_matches("src/").trim_end_matches(".rs");
            let module = module.trim_end_matches("/mod").to_owned();
            (module, code_of(&text))
        })
        .collect()
}

/// Returns the modules that `code` names by `crate::` or `super::`.
fn used_modules(module: &str, code: &str, there: &BTreeSet<String>) -> BTreeSet<String> {
    let above = module.rsplit_once('/').map(|(above, _)| above);
    let of_crate = paths_after(code, "crate::");
    let of_super = paths_after(code, "super::")
        .into_iter()
        .filter_map(|path| above.map(|above| format!("{above}/{path}")));
    of_crate
        .into_iter()
        .chain(of_super)
        .filter_map(|path| nearest_module(&path, there))
        .collect()
}

/// Returns the deepest module on a path such as `pack/reader/Reader`.
fn nearest_module(path: &str, there: &BTreeSet<String>) -> Option<String> {
    let mut path = path;
    loop {
        if there.contains(path) {
            return Some(path.to_owned());
        }
        path = path.rsplit_once('/')?.0;
    }
}

/// Returns what follows each `prefix`, with `/` for `::` and one path for each name of a group.
fn paths_after(code: &str, prefix: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let is_whole_word =
            !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        if is_whole_word {
            collect_paths(&code[at + prefix.len()..], "", &mut paths);
        }
    }
    paths
}

/// Reads one use tree, as in `a::{b, c::d}`; returns what follows it.
fn collect_paths<'a>(code: &'a str, above: &str, paths: &mut BTreeSet<String>) -> &'a str {
    let code = code.trim_start();
    if let Some(mut rest) = code.strip_prefix('{') {
        loop {
            rest = collect_paths(rest, above, paths).trim_start();
            match rest.strip_prefix(',') {
                Some(next) if next.trim_start().starts_with('}') => {
                    return next.trim_start().trim_start_matches('}');
                }
                Some(next) => rest = next,
                None => return rest.strip_prefix('}').unwrap_or(rest),
            }
        }
    }
    let end = code
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(code.len());
    let (name, rest) = code.split_at(end);
    let path = match above {
        "" => name.to_owned(),
        _ => format!("{above}/{name}"),
    };
    match rest.strip_prefix("::") {
        Some(below) if !below.starts_with('<') => collect_paths(below, &path, paths),
        _ => {
            paths.insert(path);
            rest
        }
    }
}

fn is_at_or_above(above: &str, module: &str) -> bool {
    module
        .strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the code without tests and comments.
fn code_of(text: &str) -> String {
    without_tests(text)
        .lines()
        .filter(|line| {
            !["//", "/*"]
                .iter()
                .any(|mark| line.trim_start().starts_with(mark))
        })
        .fold(String::new(), |code, line| code + line + "\n")
}

fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

/// Returns path and text of the Rust files below a directory, by path.
fn source_files(directory: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(root().join(&directory)).expect("it is there") {
            let entry = entry.expect("it can be read");
            let name = entry.file_name().into_string().expect("UTF-8");
            let path = format!("{directory}/{name}");
            if entry.file_type().expect("it can be asked").is_dir() {
                waiting.push(path);
            } else if name.ends_with(".rs") {
                let text = std::fs::read_to_string(entry.path()).expect("it can be read");
                files.insert(path, text);
            }
        }
    }
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn use_trees_are_read_whole() {
    let code = "use crate::{digest::Digest, pack::{self, reader::{Reader, read}}, id};\n\
                let x = crate::plan::Plan::of::<u8>(mycrate::no);";
    let paths: Vec<_> = paths_after(code, "crate::").into_iter().collect();
    assert_eq!(
        paths,
        [
            "digest/Digest",
            "id",
            "pack/reader/Reader",
            "pack/reader/read",
            "pack/self",
            "plan/Plan/of"
        ]
    );
}
