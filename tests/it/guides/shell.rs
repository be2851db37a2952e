//! The commands of a page, run one after another by one shell.

use std::process::{Command, Stdio};

use camino::Utf8Path;

use super::markdown::Block;
use crate::support::{path_of, scratch};

/// Stands between the outputs of two commands; no command prints it.
const MARK: char = '\u{1e}';

/// One command and what the page says that it prints.
#[derive(Debug)]
pub(super) struct Step {
    /// The line of the page, counted from 1.
    pub(super) line: usize,
    pub(super) script: String,
    pub(super) shown: Vec<String>,
}

/// What a command printed on both outputs, in this order, and its exit code.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) lines: Vec<String>,
    pub(super) code: i32,
}

/// Returns the commands of a block: none where it is no console block, or where it needs a program
/// that this machine has not, as `console sqlite3` does.
pub(super) fn steps(block: &Block) -> Vec<Step> {
    let mut words = block.info.split_whitespace();
    if words.next() != Some("console") || !words.all(is_there) {
        return Vec::new();
    }
    let mut steps: Vec<Step> = Vec::new();
    for (index, line) in block.lines.iter().enumerate() {
        match (
            line.strip_prefix("$ "),
            line.strip_prefix("> "),
            steps.last_mut(),
        ) {
            (Some(command), ..) => steps.push(Step {
                line: block.first + index + 1,
                script: command.to_owned(),
                shown: Vec::new(),
            }),
            (None, Some(more), Some(step)) if step.shown.is_empty() => {
                step.script.push('\n');
                step.script.push_str(more);
            }
            (None, _, Some(step)) => step.shown.push(line.clone()),
            (None, _, None) => panic!("a console block begins with its output: {block:?}"),
        }
    }
    // An empty line before the next command is only for the eye.
    for step in &mut steps {
        while step.shown.last().is_some_and(String::is_empty) {
            step.shown.pop();
        }
    }
    steps
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Runs the commands in the root of the repository, with the built program before all others.
///
/// `mktemp` makes its directories in one that is removed afterwards.
pub(super) fn run(steps: &[Step]) -> Vec<Outcome> {
    let directory = scratch();
    let scratch = path_of(&directory);
    let built = Utf8Path::new(env!("CARGO_BIN_EXE_ovpack"))
        .parent()
        .unwrap();
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("sh")
        .args(["-c", &script(steps)])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .env("PATH", format!("{built}:{path}"))
        .env("HOME", &scratch)
        .env("TMPDIR", &scratch)
        .env("USER", "ana")
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let outcomes: Vec<_> = output
        .split(MARK)
        .collect::<Vec<_>>()
        .chunks_exact(2)
        .map(|pair| Outcome {
            lines: pair[0]
                .trim_end_matches(['\r', '\n'])
                .lines()
                .map(str::to_owned)
                .collect(),
            code: pair[1].parse().unwrap(),
        })
        .collect();
    assert_eq!(
        outcomes.len(),
        steps.len(),
        "the shell ended early: {output}"
    );
    outcomes
}

/// Returns the script: each command leaves its exit code between marks, and to the next one.
fn script(steps: &[Step]) -> String {
    let commands = steps.iter().map(|step| {
        let command = &step.script;
        format!("{command}\n__code=$?; printf '\\036%d\\036' $__code; (exit $__code)\n")
    });
    ["exec 2>&1\n".to_owned()]
        .into_iter()
        .chain(commands)
        .collect()
}
