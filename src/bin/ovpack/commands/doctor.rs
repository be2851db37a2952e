//! `ovpack doctor`: say whether the store is as it should be, and what mends it.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use camino::Utf8Path;
use ovpack::{Cure, DoctorCheck, DoctorOptions, DoctorReport, Health};
use serde::Serialize;

use crate::caller::Caller;
use crate::escape::{Shown, shell_word};
use crate::exit::Exit;
use crate::failure::Result;
use crate::human::Count;
use crate::ui::Ui;

/// Look whether the store is as it should be, and say what mends what is not
///
/// Looks at the settings, the writer lock, the file system, what acts that were cut short have left,
/// the databases, the journal, open transactions, old trees, the live tree and the search index. It
/// mends nothing itself, and also reads a store that no other verb can open. Warnings end with exit
/// code 0; with a problem the exit code is that of an act that meets it, such as 8 for damage.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack doctor
  ovpack doctor --content --store notes
  ovpack doctor --json --quiet")]
pub(crate) struct Args {
    /// Read every byte of live files and old trees; without, sizes and times tell
    #[arg(long)]
    content: bool,
}

/// The report, and of each check the command line that mends it.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    store: &'a str,
    health: Health,
    checks: Vec<Check<'a>>,
}

#[derive(Debug, Serialize)]
struct Check<'a> {
    #[serde(flatten)]
    check: &'a DoctorCheck,
    command: Option<String>,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, caller: &Caller, args: &Args) -> Result<Exit> {
    let options = DoctorOptions {
        content: args.content,
        control: caller.control.clone(),
    };
    let report = ovpack::doctor(&caller.store_path()?, &options)?;
    let checks = report.checks.iter().map(|check| Check {
        check,
        command: check
            .cure
            .as_ref()
            .map(|cure| command(caller, Utf8Path::new(&report.store), cure)),
    });
    let answer = Answer {
        store: &report.store,
        health: report.health,
        checks: checks.collect(),
    };
    ui.report(&answer, |out| write_report(out, &answer))?;
    ui.talk(&summary(&report));
    Ok(report.gravest().map_or(Exit::Done, Exit::Failed))
}

/// Returns the command line that mends something.
fn command(caller: &Caller, store: &Utf8Path, cure: &Cure) -> String {
    let words = match cure {
        Cure::Recover => "recover",
        Cure::Decide => {
            let (forward, back) = ("recover --forward", "recover --back");
            return format!("{} or {}", caller.command(forward), caller.command(back));
        }
        Cure::Prune => "prune --keep-last 1",
        Cure::RefreshIndex => "index wait",
        Cure::FixIndex => "index check --fix",
        Cure::RebuildIndex => "index rebuild",
        Cure::ShowDrift => "status",
        Cure::CopyStore => {
            let copy = format!("{store}.copy");
            return format!("cp -a {} {}", shell_word(store.as_str()), shell_word(&copy));
        }
        Cure::EditFile(path) => return format!("${{EDITOR:-vi}} {}", shell_word(path.as_str())),
        Cure::Remove(path) => return format!("rm -r {}", shell_word(path.as_str())),
        // A cure that a newer library knows.
        _ => "doctor --json",
    };
    caller.command(words)
}

const fn style(health: Health) -> Style {
    let color = match health {
        Health::Ok => AnsiColor::Green,
        Health::Warning => AnsiColor::Yellow,
        Health::Problem => AnsiColor::Red,
    };
    color.on_default()
}

fn write_report(out: &mut dyn Write, answer: &Answer<'_>) -> io::Result<()> {
    writeln!(out, "{:<22} {}", "store", Shown(answer.store))?;
    for Check { check, command } in &answer.checks {
        let style = style(check.health);
        writeln!(
            out,
            "{style}{:<8}{style:#} {:<13} {}",
            check.health.as_str(),
            check.check,
            Shown(&check.message)
        )?;
        for detail in &check.details {
            writeln!(out, "{:<22}   {}", "", Shown(detail))?;
        }
        if let Some(command) = command {
            writeln!(out, "{:<22} next: {}", "", Shown(command))?;
        }
    }
    Ok(())
}

fn summary(report: &DoctorReport) -> String {
    let (warnings, problems) = (report.count(Health::Warning), report.count(Health::Problem));
    let all = Count(report.checks.len() as u64, "check");
    match (warnings, problems) {
        (0, 0) => format!("{all}, all ok"),
        (_, _) => format!(
            "{all}: {}, {}, the rest ok",
            Count(problems, "problem"),
            Count(warnings, "warning")
        ),
    }
}
