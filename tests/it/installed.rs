//! What is installed beside the program: manual pages and completions.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use camino::Utf8Path;

use crate::help::VERBS;
use crate::support::test_store::{Output, get, output};
use crate::support::{TestStore, path_of, scratch};

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ovpack"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    output(command)
}

#[test]
fn a_newcomer_with_a_readme_alone_comes_through_in_a_fresh_clone() {
    // A source archive cannot be cloned; the guides' tests run the page there as well.
    if !Utf8Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(".git")
        .exists()
    {
        return;
    }
    // The English page has the same blocks, which another test holds it to.
    let mut script = Command::new("python3");
    script
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["scripts/newcomer.py", "README.zh.md", "--program"])
        .arg(env!("CARGO_BIN_EXE_ovpack"));
    let ended = output(script);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains(" 0 not as shown; "), "{ended:?}");
}

#[test]
fn every_verb_has_a_manual_page() {
    let directory = scratch();
    let pages = path_of(&directory).join("share/man/man1");
    let written = run(&["man", pages.as_str(), "--json"]).result();
    let names: BTreeSet<_> = written["pages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|page| page.as_str().unwrap().to_owned())
        .collect();
    let on_disk: BTreeSet<_> = pages
        .read_dir_utf8()
        .unwrap()
        .map(|entry| entry.unwrap().path().to_string())
        .collect();
    assert_eq!(names, on_disk);
    let mut expected: BTreeSet<_> = VERBS
        .iter()
        .map(|verb| format!("{pages}/ovpack-{verb}.1"))
        .collect();
    expected.insert(format!("{pages}/ovpack.1"));
    let missing: Vec<_> = expected.difference(&names).collect();
    assert_eq!(missing, Vec::<&String>::new());
    // Verbs of verbs have theirs, and nothing else has.
    for more in names.difference(&expected) {
        let is_below = |verb: &&str| more.starts_with(&format!("{pages}/ovpack-{verb}-"));
        assert!(VERBS.iter().any(is_below), "{more}");
    }
    assert!(names.contains(&format!("{pages}/ovpack-journal-verify.1")));
    for verb in VERBS {
        let page = get(&pages.join(format!("ovpack-{verb}.1")));
        let page = String::from_utf8(page).unwrap();
        let title = format!(".TH ovpack-{verb} 1");
        assert!(page.contains(&title), "{verb} has another title: {page}");
        assert!(
            page.contains(&format!("\novpack {verb}").replace('-', "\\-"))
                || page.contains(&format!("ovpack\\-{verb}")),
            "{verb} is not in its page: {page}"
        );
        assert!(page.contains("Examples:"), "{verb} has no example");
        assert!(page.contains("\\-\\-store"), "{verb} lacks global options");
    }
}

#[test]
fn pages_that_cannot_be_written_are_told() {
    let directory = scratch();
    let file = path_of(&directory).join("file");
    std::fs::write(&file, "").unwrap();
    let ended = run(&["man", file.as_str()]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(
        ended
            .stderr
            .contains("choose a directory that you may write in"),
        "{ended:?}"
    );
}

#[test]
fn no_page_is_written_into_a_live_tree() {
    let store = TestStore::fresh();
    let before = store.whole();
    let ended = run(&["man", store.at("resources").as_str()]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_eq!(store.whole(), before);
}

#[test]
fn completions_are_scripts_that_their_shells_read() {
    let directory = scratch();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let printed = run(&["completions", shell]);
        assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""));
        for verb in VERBS {
            assert!(printed.stdout.contains(verb), "{shell} lacks {verb}");
        }
        let script = path_of(&directory).join(shell);
        std::fs::write(&script, &printed.stdout).unwrap();
        if !matches!(shell, "bash" | "zsh" | "fish") {
            continue;
        }
        let Ok(checked) = Command::new(shell).arg("-n").arg(&script).output() else {
            assert_ne!(shell, "bash", "bash is needed");
            continue;
        };
        let said = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{shell} -n: {said}");
    }
}

#[test]
fn bash_completes_verbs_and_options() {
    let directory = scratch();
    let script = path_of(&directory).join("ovpack");
    std::fs::write(&script, run(&["completions", "bash"]).stdout).unwrap();
    let complete = |words: &str, at: usize| {
        let typed = format!(
            "source {script}; COMP_WORDS=({words}); COMP_CWORD={at}; _ovpack ovpack \"${{COMP_WORDS[{at}]}}\" \"${{COMP_WORDS[{}]}}\"; echo \"${{COMPREPLY[@]}}\"",
            at - 1
        );
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", &typed]);
        output(bash).stdout
    };
    assert_eq!(complete("ovpack resto", 1), "restore\n");
    assert_eq!(complete("ovpack restore --on-c", 2), "--on-conflict\n");
    assert_eq!(
        complete("ovpack restore --on-conflict ''", 3),
        "fail overwrite merge skip\n"
    );
}
