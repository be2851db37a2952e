//! Where settings come from beside a store's own file: the environment, and a file of the user.

use camino::{Utf8Path, Utf8PathBuf};
use ovpack::{Error, Origin, Settings};

use crate::caller::{environment, variables};
use crate::failure::Result;
use crate::nearest::nearest;

/// Returns the variable that says what a setting is: `OVPACK_LIMITS_MEMBERS` for `limits.members`.
pub(crate) fn variable(key: &str) -> String {
    format!("OVPACK_{}", key.replace('.', "_").to_uppercase())
}

/// Returns the origin of what a flag says.
pub(crate) fn flag(name: &str) -> Origin {
    Origin::Flag {
        name: name.to_owned(),
    }
}

/// Reads the settings that the environment has.
pub(crate) fn of_environment() -> Result<Settings> {
    let mut settings = Settings::default();
    for key in Settings::keys() {
        let name = variable(key);
        if let Some(value) = environment(&name) {
            settings.set(key, &value, Origin::Environment { name })?;
        }
    }
    Ok(settings)
}

/// Returns variables that are those of no setting, each with the one that it is nearest to.
pub(crate) fn misspelt() -> Vec<(String, String)> {
    let prefix = variable("");
    let known: Vec<_> = Settings::keys().map(variable).collect();
    let is_ours = |name: &String| name != "OVPACK_API_KEY" && !known.contains(name);
    let unknown = variables().into_iter().filter(is_ours);
    let meant = |name: String| {
        let names = known.iter().filter_map(|known| known.strip_prefix(&prefix));
        let meant = nearest(name.strip_prefix(&prefix)?, names)?;
        let meant = format!("{prefix}{meant}");
        Some((name, meant))
    };
    unknown.filter_map(meant).collect()
}

/// Returns where the user's file is, if anywhere: `$XDG_CONFIG_HOME`, where it is absolute, else
/// `~/.config` (<https://specifications.freedesktop.org/basedir-spec/latest/>).
pub(crate) fn user_file() -> Option<Utf8PathBuf> {
    let absolute = |path: String| Some(Utf8PathBuf::from(path)).filter(|path| path.is_absolute());
    let directory = environment("XDG_CONFIG_HOME").and_then(absolute);
    let directory = directory.or_else(|| home().map(|home| home.join(".config")));
    Some(directory?.join("ovpack/config.toml"))
}

/// Reads the settings of the user.
pub(crate) fn of_user() -> Result<Settings> {
    let Some(path) = user_file() else {
        return Ok(Settings::default());
    };
    let mut settings = Settings::read(&path)?;
    if let Some(store) = settings.store() {
        let store = whole(store).ok_or_else(|| Error::ConfigInvalid {
            path: path.clone(),
            detail: format!("`store` is `{store}`: it begins with `/` or `~/`"),
        })?;
        let all = settings.list();
        let origin = all.into_iter().find(|setting| setting.key == "store");
        if let Some(setting) = origin {
            settings.set("store", store.as_str(), setting.origin)?;
        }
    }
    Ok(settings)
}

/// Returns a path that means the same wherever it is read.
fn whole(path: &Utf8Path) -> Option<Utf8PathBuf> {
    if path.is_absolute() {
        return Some(path.to_owned());
    }
    Some(home()?.join(path.strip_prefix("~").ok()?))
}

fn home() -> Option<Utf8PathBuf> {
    environment("HOME").map(Utf8PathBuf::from)
}
