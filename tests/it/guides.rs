//! The guides are true: what stands in their console blocks is what comes out, both languages have
//! the same headings and code blocks, and links lead somewhere.
//!
//! `GUIDES=overwrite cargo test --test it -- guides` takes over output that changed on purpose; look
//! at the diff.

mod filters;
mod markdown;
mod shell;

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use snapbox::Data;
use snapbox::filter::NormalizeToExpected;

use crate::help::VERBS;
use filters::{Filters, neutral};
use markdown::{Block, Page};
use shell::{Outcome, Step, steps};

/// Makes a test of each page, and the list of all of them.
macro_rules! pages {
    ($($name:ident: $path:literal,)*) => {
        /// The pages in English; the Chinese ones have the same blocks, and so are run with them.
        const PAGES: &[&str] = &[$($path),*];
        $(#[test] fn $name() { run($path); })*
    };
}

pages! {
    the_readme_runs: "README.md",
    architecture_runs: "docs/en/architecture.md",
    audit_runs: "docs/en/audit.md",
    concepts_runs: "docs/en/concepts.md",
    conflicts_runs: "docs/en/conflicts.md",
    errors_runs: "docs/en/errors.md",
    format_runs: "docs/en/format.md",
    history_runs: "docs/en/history.md",
    http_runs: "docs/en/http.md",
    moving_runs: "docs/en/moving.md",
    packs_runs: "docs/en/packs.md",
    quick_start_runs: "docs/en/quick-start.md",
    the_list_of_pages_runs: "docs/en/README.md",
    the_runbook_for_backups_runs: "docs/en/runbook-backup.md",
    the_runbook_for_rollbacks_runs: "docs/en/runbook-rollback.md",
    search_runs: "docs/en/search.md",
    settings_run: "docs/en/settings.md",
    store_runs: "docs/en/store.md",
    undo_runs: "docs/en/undo.md",
}

#[test]
fn every_page_is_run() {
    let mut expected: BTreeSet<_> = names("docs/en")
        .into_iter()
        .map(|name| format!("docs/en/{name}"))
        .collect();
    expected.insert("README.md".to_owned());
    let run: BTreeSet<_> = PAGES.iter().map(|page| (*page).to_owned()).collect();
    assert_eq!(run, expected);
}

#[test]
fn both_languages_have_the_same_pages_headings_and_blocks() {
    assert_eq!(names("docs/zh"), names("docs/en"));
    for path in PAGES {
        let (english, chinese) = (Page::read(path), Page::read(&in_chinese(path)));
        let levels = |page: &Page| page.headings.iter().map(|it| it.level).collect::<Vec<_>>();
        assert_eq!(levels(&chinese), levels(&english), "headings of {path}");
        let texts = |page: &Page| {
            let blocks = page.blocks.iter();
            blocks
                .map(|it| (it.info.clone(), it.lines.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(&chinese), texts(&english), "code blocks of {path}");
    }
}

#[test]
fn every_verb_is_shown() {
    let scripts: Vec<_> = PAGES
        .iter()
        .flat_map(|path| Page::read(path).blocks)
        .flat_map(|block| steps(&block))
        .map(|step| step.script)
        .collect();
    let is_shown = |verb: &&str| {
        let call = format!("ovpack {verb}");
        let ends_there = |script: &String| {
            let mut calls = script.split(&call).skip(1);
            calls.any(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
        };
        scripts.iter().any(ends_there)
    };
    let missing: Vec<_> = VERBS.into_iter().filter(|verb| !is_shown(verb)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn links_lead_somewhere() {
    let mut paths: Vec<_> = ["docs", "docs/en", "docs/zh", "docs/adr"]
        .iter()
        .flat_map(|directory| {
            names(directory)
                .into_iter()
                .map(move |name| format!("{directory}/{name}"))
        })
        .collect();
    paths.extend(["README.md".to_owned(), "README.zh.md".to_owned()]);
    let broken: Vec<_> = paths.iter().flat_map(|path| broken_links(path)).collect();
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn a_page_that_lies_is_told() {
    let page = Page::parse(
        "```console\n$ echo one\none\n$ echo two\nthree\n$ false\n$ echo end\nend\n```\n",
    );
    let faults = check(&page.blocks, &Filters::new());
    let told: Vec<_> = faults.iter().map(|fault| fault.line).collect();
    assert_eq!(told, [4, 6], "{faults:?}");
}

/// A command of a page that did not do what the page says.
#[derive(Debug)]
struct Fault {
    /// The line of the page, counted from 1.
    line: usize,
    #[expect(dead_code, reason = "a failed test prints it")]
    why: String,
    /// What came out, to be written into the page.
    output: Vec<String>,
}

/// Runs a page; with `GUIDES=overwrite` writes what came out into both languages.
fn run(path: &str) {
    let page = Page::read(path);
    let faults = check(&page.blocks, &Filters::new());
    if std::env::var_os("GUIDES").is_some_and(|value| value == "overwrite") {
        overwrite(path, page, &faults);
    } else {
        assert!(
            faults.is_empty(),
            "{path} does not say what happens; GUIDES=overwrite takes it over: {faults:#?}"
        );
    }
}

/// Runs the console blocks of a page in one shell and compares what comes out with the page.
fn check(blocks: &[Block], filters: &Filters) -> Vec<Fault> {
    let steps: Vec<_> = blocks.iter().flat_map(steps).collect();
    let outcomes = shell::run(&steps);
    let next_asks_for_the_code = steps
        .iter()
        .skip(1)
        .map(|step| step.script.contains("$?"))
        .chain([false]);
    steps
        .iter()
        .zip(&outcomes)
        .zip(next_asks_for_the_code)
        .filter_map(|((step, outcome), asked)| fault(step, outcome, asked, filters))
        .collect()
}

fn fault(step: &Step, outcome: &Outcome, asked: bool, filters: &Filters) -> Option<Fault> {
    let expected = filters.apply(&step.shown.join("\n"));
    let actual = filters.apply(&outcome.lines.join("\n"));
    let wanted = Data::text(expected.clone());
    let same = NormalizeToExpected::new()
        .redact()
        .normalize(Data::text(actual.clone()), &wanted)
        == wanted;
    let silent = outcome.code != 0 && outcome.lines.is_empty() && !asked;
    let why = match (same, silent) {
        (false, _) => format!("the page says:\n{expected}\nand this came out:\n{actual}"),
        (true, true) => format!("it ends with {} and says nothing", outcome.code),
        (true, false) => return None,
    };
    Some(Fault {
        line: step.line,
        why,
        output: outcome.lines.iter().map(|line| neutral(line)).collect(),
    })
}

fn overwrite(path: &str, mut page: Page, faults: &[Fault]) {
    for fault in faults.iter().rev() {
        page.replace_output(fault.line, &fault.output);
    }
    let text = page.text();
    std::fs::write(in_repository(path), &text).unwrap();
    let chinese = in_chinese(path);
    let written = Page::read(&chinese).with_blocks_of(&Page::parse(&text));
    std::fs::write(in_repository(&chinese), written).unwrap();
}

fn broken_links(path: &str) -> Vec<String> {
    let page = Page::read(path);
    let here = Utf8Path::new(path);
    let broken = page.links.iter().filter(|link| {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target = match file {
            "" => here.to_owned(),
            file => here.parent().unwrap().join(file),
        };
        if !in_repository(target.as_str()).exists() {
            return true;
        }
        !anchor.is_empty() && !Page::read(target.as_str()).has_anchor(anchor)
    });
    broken.map(|link| format!("{path}: {link}")).collect()
}

/// Returns the path of a page in Chinese.
fn in_chinese(path: &str) -> String {
    match path {
        "README.md" => "README.zh.md".to_owned(),
        path => path.replacen("docs/en/", "docs/zh/", 1),
    }
}

/// Returns the sorted names of the pages in a directory.
fn names(directory: &str) -> Vec<String> {
    let mut names: Vec<_> = in_repository(directory)
        .read_dir_utf8()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_owned())
        .filter(|name| Utf8Path::new(name).extension() == Some("md"))
        .collect();
    names.sort();
    names
}

fn in_repository(path: &str) -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
