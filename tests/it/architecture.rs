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
    "src/bin/ovpack/commands/man.rs",
    "src/bin/ovpack/fault.rs",
    "src/clock.rs",
    "src/db.rs",
    "src/fsops.rs",
];

#[test]
fn a_module_uses_only_modules_printed_above_it() {
    let floors = floors();
    let modules = library_modules();
    let listed: BTreeSet<_> = floors.iter().collect();
    assert_eq!(
        listed,
        modules.keys().collect(),
        "docs/design.md prints each module of src/"
    );
    assert_eq!(listed.len(), floors.len(), "no module is printed twice");

    let place = |module: &str| floors.iter().position(|listed| listed == module);
    let mut wrong = Vec::new();
    for (module, code) in &modules {
        for used in names_after_crate(code) {
            if used != *module && place(&used) >= place(module) {
                wrong.push(format!("{module} uses {used}, which is printed below it"));
            } else if place(&used).is_none() {
                wrong.push(format!("{module} uses crate::{used}, which is no module"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn no_file_has_more_lines_than_one_sitting_reads() {
    let long: Vec<_> = source_files()
        .into_iter()
        .map(|(path, text)| (without_tests(&text).lines().count(), path))
        .filter(|(lines, path)| *lines > LINES_MAX && !path.ends_with("/tests.rs"))
        .collect();
    assert_eq!(long, Vec::<(usize, String)>::new());
}

#[test]
fn only_the_doors_are_excepted_from_the_forbidden_calls() {
    let excepted: Vec<_> = source_files()
        .into_iter()
        .filter(|(_, text)| without_tests(text).contains("clippy::disallowed_methods"))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(excepted, DOORS);
}

#[test]
fn only_ui_touches_the_standard_streams() {
    let streams = ["stdout()", "stderr()", "stdin()", "println!", "eprintln!"];
    let touching: Vec<_> = source_files()
        .into_iter()
        .filter(|(_, text)| {
            let code = code_of(text);
            streams.iter().any(|stream| code.contains(stream))
        })
        .map(|(path, _)| path)
        .collect();
    assert_eq!(touching, ["src/bin/ovpack/ui.rs"]);
}

#[test]
fn the_program_sees_only_what_the_crate_exports() {
    let program = source_files()
        .into_iter()
        .filter(|(path, _)| path.starts_with("src/bin/"));
    for (path, text) in program {
        assert!(
            !text.contains("#[path"),
            "{path} takes in a module of the library"
        );
        assert!(
            !text.contains("include!("),
            "{path} takes in code of the library"
        );
    }
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

/// Returns the code of each module of the library; one that has a directory is one module.
fn library_modules() -> BTreeMap<String, String> {
    let mut modules = BTreeMap::new();
    for (path, text) in source_files() {
        let module = path.trim_start_matches("src/").trim_end_matches(".rs");
        let module = module.split('/').next().unwrap_or(module);
        if !path.starts_with("src/bin/") && module != "lib" {
            let code: &mut String = modules.entry(module.to_owned()).or_default();
            code.push_str(&code_of(&text));
        }
    }
    modules
}

/// Returns the first name of each path that begins with `crate::`, of groups the first of each.
fn names_after_crate(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, prefix) in code.match_indices("crate::") {
        let is_end_of_a_name = code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        if is_end_of_a_name {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(first_names(group)),
            None => names.extend(first_name(rest)),
        }
    }
    names
}

/// Returns the first name of each path in a group, which may have groups in it.
fn first_names(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    let mut begin = 0;
    for (at, character) in group.char_indices() {
        match (character, depth) {
            ('{', _) => depth += 1,
            (',' | '}', 0) => {
                names.extend(first_name(&group[begin..at]));
                begin = at + 1;
                if character == '}' {
                    break;
                }
            }
            ('}', _) => depth -= 1,
            _ => {}
        }
    }
    names
}

fn first_name(path: &str) -> Option<String> {
    let name: String = path
        .trim_start()
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!name.is_empty()).then_some(name)
}

/// Returns the code without tests and comments.
fn code_of(text: &str) -> String {
    let is_code = |line: &&str| {
        !["//", "/*"]
            .iter()
            .any(|mark| line.trim_start().starts_with(mark))
    };
    let lines: Vec<_> = without_tests(text).lines().filter(is_code).collect();
    lines.join("\n")
}

fn without_tests(text: &str) -> &str {
    let marks = text.match_indices("#[cfg(test)]\n");
    let begins_tests = |rest: &str| {
        let module = rest.find("mod tests");
        let item = rest.find("\n}").unwrap_or(rest.len());
        module.is_some_and(|module| module < item)
    };
    marks
        .map(|(at, _)| text.split_at(at))
        .find(|(_, rest)| begins_tests(rest))
        .map_or(text, |(code, _)| code)
}

/// Returns path and text of the Rust files of src/ that are not tests, by path.
fn source_files() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut waiting = vec!["src".to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(root().join(&directory)).expect("it is there") {
            let entry = entry.expect("it can be read");
            let name = entry.file_name().into_string().expect("UTF-8");
            let path = format!("{directory}/{name}");
            if entry.file_type().expect("it can be asked").is_dir() {
                if name != "tests" {
                    waiting.push(path);
                }
            } else if entry
                .path()
                .extension()
                .is_some_and(|ending| ending == "rs")
            {
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
fn paths_of_the_crate_are_found_in_groups_and_in_expressions() {
    let code = "use crate::{digest::Digest, pack::{self, reader::{Reader, read}}, id};\n\
                let x = crate::plan::Plan::of(mycrate::no, <crate::tree::Tree>::new());";
    let names: Vec<_> = names_after_crate(code).into_iter().collect();
    assert_eq!(names, ["digest", "id", "pack", "plan", "tree"]);
}
