//! `ovpack completions`: print a script that lets a shell complete verbs and options.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;
use crate::exit::Exit;
use crate::failure::Result;
use crate::ui::Ui;

/// Print a script that lets a shell complete verbs and options
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ovpack completions bash > ~/.local/share/bash-completion/completions/ovpack
  ovpack completions zsh > ~/.zfunc/_ovpack
  ovpack completions fish > ~/.config/fish/completions/ovpack.fish

The directory must be there, and for zsh stand in `fpath` before `compinit` is called. A new shell has
the completions.")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<Exit> {
    // What clap writes to cannot fail; standard output can.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ovpack", &mut script);
    Ui::plain(|out| out.write_all(&script))?;
    Ok(Exit::Done)
}
