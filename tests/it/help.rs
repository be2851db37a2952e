//! What every `--help` page says.

use std::process::{Command, Stdio};

/// Runs the built program without a terminal and without what the environment may wish.
fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ovpack"))
        .args(args)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

pub(crate) const VERBS: [&str; 30] = [
    "init",
    "import",
    "export",
    "restore",
    "backup",
    "verify",
    "inspect",
    "convert",
    "salvage",
    "ls",
    "cat",
    "find",
    "index",
    "status",
    "log",
    "show",
    "history",
    "tree",
    "rollback",
    "redo",
    "prune",
    "pin",
    "unpin",
    "recover",
    "doctor",
    "journal",
    "serve",
    "config",
    "completions",
    "man",
];

#[test]
fn every_help_page_stands_on_standard_output() {
    let (code, page, stderr) = run(&["--help"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!("help", page);
    for verb in VERBS {
        let (code, page, stderr) = run(&[verb, "--help"]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{verb}");
        assert!(
            page.contains("\nExamples:\n  ovpack "),
            "{verb} has no example"
        );
        insta::assert_snapshot!(format!("help-{verb}"), page);
    }
}

#[test]
fn the_help_page_lists_every_verb() {
    let (_, page, _) = run(&["--help"]);
    let listed: Vec<_> = page
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help")
        .collect();
    assert_eq!(listed, VERBS);
}

#[test]
fn a_wrong_command_line_is_told_on_standard_error_and_ends_with_2() {
    let (code, stdout, stderr) = run(&["import", "a.ovpack", "resources", "--force"]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert_eq!(
        stderr,
        "error: unexpected argument '--force' found\n\n\
         help: say what happens to an existing target: --on-conflict overwrite replaces it, --on-conflict skip leaves it\n"
    );
}

#[test]
fn a_wrong_command_line_with_json_is_one_object_on_standard_output() {
    let (code, stdout, stderr) = run(&["import", "a.ovpack", "resources", "--force", "--json"]);
    assert_eq!((code, stderr.as_str()), (Some(2), ""));
    let answer: serde_json::Value = serde_json::from_str(&stdout).expect("one object");
    assert_eq!(
        answer,
        serde_json::json!({
            "status": "error",
            "error": {
                "code": "INVALID_ARGUMENT",
                "reason": "usage",
                "message": "unexpected argument '--force' found",
                "details": {},
                "help": "say what happens to an existing target: --on-conflict overwrite replaces it, --on-conflict skip leaves it",
            },
        })
    );
}

#[test]
fn a_bad_uri_has_a_code_of_its_own_and_needs_no_store() {
    let (code, stdout, _) = run(&["ls", "viking:/resources", "--json"]);
    assert_eq!(code, Some(2));
    let answer: serde_json::Value = serde_json::from_str(&stdout).expect("one object");
    assert_eq!(answer["error"]["code"], "INVALID_URI");
    assert_eq!(answer["error"]["reason"], "invalid-uri");
}

#[test]
fn names_that_could_steer_a_terminal_are_escaped() {
    let (code, stdout, stderr) = run(&["ls", "viking:/\u{1b}[2J\u{202e}"]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert_eq!(
        stderr,
        "error: `viking:/\\u{1b}[2J\\u{202e}` is not a URI: it does not begin with `viking://`\n\n\
         help: write it as viking://resources/NAME, or resources/NAME for short\n"
    );
}
