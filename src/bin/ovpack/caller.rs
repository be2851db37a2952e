//! Who calls, from where, and how the caller stops an act: what the library must be told, since it
//! reads no environment and handles no signal itself.

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::{Control, Error, Jobs, OpenOptions, Settings, Store};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::args::GlobalArgs;
use crate::escape::shell_word;
use crate::failure::{Failure, Result};
use crate::line::Line;
use crate::settings;
use crate::ui::Ui;

/// The caller of one verb.
#[derive(Debug)]
pub(crate) struct Caller {
    /// Who, for the journal, and how long to wait.
    pub(crate) options: OpenOptions,
    /// Watches and stops the act.
    pub(crate) control: Control,
    /// What flags, environment and files of settings say, in this order.
    pub(crate) settings: Settings,
    /// How many threads `--jobs` wants.
    jobs: Option<Jobs>,
    /// The store that `--store` names.
    named: Option<Utf8PathBuf>,
    /// The command line.
    line: Line,
}

impl Caller {
    /// Reads who calls from arguments and environment.
    pub(crate) fn new(ui: &Ui, argv: &[OsString], global: &GlobalArgs) -> Self {
        let line = Line::of(argv);
        let argv = argv
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        Self {
            options: OpenOptions {
                argv,
                user: user(),
                host: String::new(),
                wait: global.wait(),
                while_running: global.while_running,
                ..OpenOptions::default()
            },
            control: Control {
                progress: ui.progress(),
                interrupt: None,
            },
            settings: Settings::default(),
            jobs: global.jobs,
            named: global.store.clone(),
            line,
        }
    }

    /// Makes Ctrl-C and its kin ask the act to stop instead of killing the process; a second one
    /// asks again, so that nobody kills an exchange by impatience.
    ///
    /// A signal that the caller had ignored, as `nohup` does, stays ignored.
    pub(crate) fn catch_signals(&mut self) {
        let interrupt = Arc::new(AtomicBool::new(false));
        let ignored = ignored_signals();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            if ignored & (1 << (signal - 1)) == 0 {
                // Without a handler the signal kills; the store is whole after that too.
                drop(signal_hook::flag::register(signal, Arc::clone(&interrupt)));
            }
        }
        self.control.interrupt = Some(interrupt);
    }

    /// Reads the settings: those of the environment and of the user, and of the store's own file,
    /// where a store is named or near.
    pub(crate) fn read_settings(&mut self) -> Result<()> {
        let of_environment = settings::of_environment()?;
        let of_user = settings::of_user()?;
        self.options.overrides = of_environment.clone();
        self.options.defaults = of_user.clone();
        let mut of_flags = Settings::default();
        if let Some(store) = &self.named {
            of_flags.set("store", store.as_str(), settings::flag("--store"))?;
        }
        if let Some(jobs) = self.jobs {
            of_flags.set("jobs", &jobs.get().to_string(), settings::flag("--jobs"))?;
        }
        let of_store = match self.store_path() {
            Ok(store) => Settings::of_store(&store)?,
            Err(_) => Settings::default(),
        };
        let all = of_flags.over(&of_environment).over(&of_store);
        self.settings = all.over(&of_user);
        Ok(())
    }

    /// Returns how many threads work on the act.
    pub(crate) fn jobs(&self) -> Jobs {
        self.settings.jobs().or(self.jobs).unwrap_or_default()
    }

    /// Opens the store: `--store`, else `OVPACK_STORE`, else the nearest one at or above the
    /// working directory, else that of the user's settings.
    pub(crate) fn store(&self) -> Result<Store> {
        Ok(Store::open(&self.store_path()?, &self.options)?)
    }

    /// Returns where the store is, which may be one that cannot be opened.
    pub(crate) fn store_path(&self) -> Result<Utf8PathBuf> {
        Ok(match self.named() {
            Some(named) => named,
            None => match (Store::discover(&working_directory()?), self.of_user()) {
                (Err(Error::StoreNotFound { .. }), Some(store)) => store.to_owned(),
                (found, _) => found?,
            },
        })
    }

    fn of_user(&self) -> Option<&Utf8Path> {
        self.options.defaults.store()
    }

    /// Returns the store that was named, by an option or by the environment.
    pub(crate) fn named(&self) -> Option<Utf8PathBuf> {
        let by_environment = || environment("OVPACK_STORE").map(Utf8PathBuf::from);
        self.named.clone().or_else(by_environment)
    }

    /// Returns the command line that was given.
    pub(crate) fn line(&self) -> Line {
        self.line.clone()
    }

    /// Returns a command line that works on the same store when it is pasted.
    pub(crate) fn command(&self, words: &str) -> String {
        match &self.named {
            Some(store) => format!("ovpack {words} --store {}", shell_word(store.as_str())),
            None => format!("ovpack {words}"),
        }
    }
}

fn user() -> String {
    environment("USER")
        .or_else(|| environment("LOGNAME"))
        .unwrap_or_else(|| rustix::process::getuid().as_raw().to_string())
}

/// Returns a variable; none where it is empty.
pub(crate) fn environment(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the library is told what the environment says here"
    )]
    let value = std::env::var_os(name)?;
    let value = value.to_string_lossy().into_owned();
    (!value.is_empty()).then_some(value)
}

/// Returns the names of all variables.
pub(crate) fn variables() -> Vec<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the library is told what the environment says here"
    )]
    let all = std::env::vars_os();
    let mut names: Vec<_> = all
        .map(|(name, _)| name.to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

fn working_directory() -> Result<Utf8PathBuf> {
    let path = std::env::current_dir().map_err(Failure::WorkingDirectory)?;
    Utf8PathBuf::from_path_buf(path).map_err(|path| Failure::WorkingDirectoryName {
        path: path.to_string_lossy().into_owned().into(),
    })
}

/// Returns the signals that the process was told to ignore, as a mask whose lowest bit is signal 1
/// (<https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>); none where nobody knows.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}
