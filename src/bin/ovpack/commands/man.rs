//! `ovpack man`: write the manual pages.

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use serde::Serialize;

use crate::args::{Cli, path};
use crate::escape::Shown;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::human::Count;
use crate::ui::Ui;

/// Write a manual page for each verb, and one for all of them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack man ~/.local/share/man/man1
  sudo ovpack man /usr/local/share/man/man1

Then `man ovpack` lists the verbs, and `man ovpack-restore` shows one of them. Pages that are there are
replaced.")]
pub(crate) struct Args {
    /// Where the pages go; made where it is not there
    #[arg(value_name = "DIR", value_parser = path())]
    dir: Utf8PathBuf,
}

/// What was written.
#[derive(Debug, Serialize)]
struct Written {
    pages: Vec<Utf8PathBuf>,
}

/// Runs the verb.
pub(crate) fn run(ui: &Ui, args: &Args) -> Result<Exit> {
    ensure_is_no_topic(&args.dir)?;
    ovpack::ensure_outside_of_trees("DIR", &args.dir)?;
    let mut all = Cli::command();
    all.build();
    let mut pages = Vec::new();
    render(&all, "ovpack", &mut pages)?;
    let mut written = Vec::new();
    for (name, text) in pages {
        written.push(write(&args.dir, &format!("{name}.1"), &text)?);
    }
    let count = Count(written.len() as u64, "page");
    let written = Written { pages: written };
    ui.report(&written, |out| {
        let mut pages = written.pages.iter();
        pages.try_for_each(|page| writeln!(out, "{}", Shown(page.as_str())))
    })?;
    ui.talk(&format_args!("wrote {count}"));
    Ok(Exit::Done)
}

/// Refuses the name of a verb, of which `man` would show the page.
fn ensure_is_no_topic(dir: &Utf8Path) -> Result<()> {
    let (cli, word) = (Cli::command(), dir.as_str());
    if cli.find_subcommand(word).is_none() || dir.exists() {
        return Ok(());
    }
    Err(Failure::Usage {
        message: format!("DIR is `{word}`; expected the directory that all pages go to"),
        help: format!(
            "ovpack {word} --help tells of that verb; a directory of its name is written ./{word}"
        ),
    })
}

/// Makes the page of a command and of all below it.
fn render(command: &Command, name: &str, pages: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let mut text = Vec::new();
    let page = Man::new(command.clone().display_name(name.to_owned()));
    page.render(&mut text).map_err(Failure::Output)?;
    pages.push((name.to_owned(), text));
    let below = command.get_subcommands();
    for command in below.filter(|command| command.get_name() != "help") {
        let name = format!("{name}-{}", command.get_name());
        render(command, &name, pages)?;
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a manual page is no part of a store: a crash leaves nothing to recover from"
)]
fn write(dir: &Utf8Path, name: &str, text: &[u8]) -> Result<Utf8PathBuf> {
    let path = dir.join(name);
    let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&path, text));
    written.map_err(|source| Failure::Page {
        path: path.clone(),
        source,
    })?;
    Ok(path)
}
