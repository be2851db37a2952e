//! Packs that are sound and go where they must not, and backups that contradict themselves.

use serde_json::{Value, json};

use super::{Lie, lie};
use crate::support::PackBuilder;

const RESTORE: &[&str] = &["restore"];

/// A sound pack of a URI that a parent cannot take.
fn told(name: &'static str, code: &'static str, uri: &str, verb: &'static [&'static str]) -> Lie {
    let pack = PackBuilder::of(uri).file("a.md", "a");
    lie(name, code, pack).told_to(verb).sound()
}

fn backup() -> PackBuilder {
    PackBuilder::backup(&["resources", "user"]).file("resources/a.md", "a")
}

/// Makes a lie of a backup's manifest, told to `restore`.
fn changed(
    name: &'static str,
    code: &'static str,
    change: impl FnOnce(&mut Value) + 'static,
) -> Lie {
    restored(name, code, backup().manifest(change))
}

fn restored(name: &'static str, code: &'static str, pack: PackBuilder) -> Lie {
    lie(name, code, pack).told_to(RESTORE)
}

/// A pack of a URI that no pack may have.
fn internal(name: &'static str, uri: &'static str) -> Lie {
    lie(name, "root-uri", PackBuilder::of(uri).file("a.md", "a")).says(&[uri])
}

pub(super) fn lies() -> Vec<Lie> {
    [targets(), scopes(), backups()]
        .into_iter()
        .flatten()
        .collect()
}

fn targets() -> Vec<Lie> {
    let (scope, depth) = ("scope-mismatch", "depth-mismatch");
    let (whole, subtree) = ("scope-pack-needs-root", "subtree-needs-parent");
    let notes = "viking://resources/notes";
    vec![
        told("resources into user", scope, notes, &["import", "user"]).says(&["user"]),
        told(
            "resources into an agent",
            scope,
            notes,
            &["import", "agent/a"],
        ),
        told(
            "resources into a session",
            scope,
            notes,
            &["import", "session"],
        ),
        told(
            "a user into resources",
            scope,
            "viking://user/bob",
            &["import", "resources"],
        ),
        told(
            "a session into a user",
            scope,
            "viking://session/s",
            &["import", "user"],
        ),
        told(
            "an agent into a user",
            scope,
            "viking://agent/a",
            &["import", "user"],
        ),
        told(
            "a user into a user",
            depth,
            "viking://user/bob",
            &["import", "user/alice"],
        ),
        told(
            "memories into the users",
            depth,
            "viking://user/bob/memories",
            &["import", "user"],
        ),
        told(
            "a session below a session",
            depth,
            "viking://session/s",
            &["import", "session/t"],
        ),
        told(
            "an agent below an agent",
            depth,
            "viking://agent/a",
            &["import", "agent/b/c"],
        ),
        told(
            "a scope into itself",
            whole,
            "viking://resources",
            &["import", "resources"],
        ),
        told(
            "a scope below itself",
            whole,
            "viking://resources",
            &["import", "resources/x"],
        ),
        told(
            "the users into the users",
            whole,
            "viking://user",
            &["import", "user"],
        ),
        told(
            "a subtree into the root",
            subtree,
            notes,
            &["import", "viking://"],
        ),
        told(
            "a user into the root",
            subtree,
            "viking://user/bob",
            &["import", "viking://"],
        ),
        told(
            "a subtree to restore",
            "restore-needs-backup",
            notes,
            RESTORE,
        ),
        told(
            "a scope to restore",
            "restore-needs-backup",
            "viking://resources",
            RESTORE,
        ),
        lie("a backup to import", "backup-needs-restore", backup())
            .told_to(&["import", "viking://"])
            .sound(),
        lie(
            "a backup to import into resources",
            "backup-needs-restore",
            backup(),
        )
        .sound(),
    ]
}

fn scopes() -> Vec<Lie> {
    vec![
        internal("a pack of what is temporary", "viking://temp/notes"),
        internal("a pack of the queue", "viking://queue/notes"),
        internal("a pack of uploads", "viking://upload/notes"),
        internal("a pack of the system", "viking://_system/notes"),
        internal("a pack of a store", "viking://.ovpack/notes"),
        internal("a pack of tasks", "viking://tasks"),
        internal("a pack of a scope in capitals", "viking://Resources/notes"),
        internal(
            "a pack of a scope with a space",
            "viking://resources /notes",
        ),
    ]
}

fn backups() -> Vec<Lie> {
    let (scopes, entry, syntax) = ("backup-scopes", "backup-entry", "manifest-syntax");
    vec![
        changed("a scope that is not in the backup", scopes, |manifest| {
            manifest["scopes"] = json!(["resources", "user", "agent"]);
        })
        .says(&["agent"]),
        changed("a scope that the backup does not list", entry, |manifest| {
            manifest["scopes"] = json!(["resources"]);
        })
        .says(&["user"])
        .after(scopes),
        changed("a scope twice", scopes, |manifest| {
            manifest["scopes"] = json!(["resources", "user", "user"]);
        })
        .says(&["user"]),
        changed("a scope that is none", scopes, |manifest| {
            manifest["scopes"] = json!(["resources", "user", "secrets"]);
        })
        .says(&["secrets"]),
        changed("a scope in capitals", scopes, |manifest| {
            manifest["scopes"] = json!(["Resources", "user"]);
        })
        .says(&["Resources"]),
        changed("a scope that is empty", scopes, |manifest| {
            manifest["scopes"] = json!(["resources", "user", ""]);
        }),
        changed("no scopes in the list", scopes, |manifest| {
            manifest["scopes"] = json!([])
        }),
        changed("no list of scopes", scopes, |manifest| {
            drop(manifest.as_object_mut().unwrap().remove("scopes"));
        }),
        changed("scopes that are an object", syntax, |manifest| {
            manifest["scopes"] = json!({})
        }),
        changed("scopes that are a text", syntax, |manifest| {
            manifest["scopes"] = json!("resources");
        }),
        changed("a scope that is a number", syntax, |manifest| {
            manifest["scopes"] = json!([1])
        }),
        restored(
            "a backup of an internal scope",
            scopes,
            PackBuilder::backup(&["resources", "temp"]),
        )
        .says(&["temp"]),
        restored(
            "a file beside the scopes",
            entry,
            backup().file("notes.md", "x"),
        )
        .says(&["notes.md"]),
        restored(
            "a directory beside the scopes",
            entry,
            backup().directory("extra"),
        )
        .says(&["extra"])
        .after(scopes),
        restored("a store's own directory in a backup", entry, {
            backup().file(".ovpack/store.db", "x")
        })
        .says(&[".ovpack/store.db"])
        .after(scopes),
        restored("a scope that is a file", "backup-scopes", {
            PackBuilder::backup(&["resources"])
                .file("user", "x")
                .manifest(|manifest| manifest["scopes"] = json!(["resources", "user"]))
        })
        .says(&["user"]),
        changed("a backup of a subtree", "root-uri", |manifest| {
            manifest["root"]["uri"] = json!("viking://resources");
        })
        .says(&["viking://resources"]),
        changed("a backup in a scope", "root-scope", |manifest| {
            manifest["root"]["scope"] = json!("resources");
        })
        .says(&["resources", "root"]),
        changed("a backup of another name", "root-name", |manifest| {
            manifest["root"]["name"] = json!("backup");
        })
        .says(&["backup", "openviking-backup"]),
        changed("a backup of another type", "package-type", |manifest| {
            manifest["root"]["package_type"] = json!("snapshot");
        })
        .says(&["snapshot"])
        .after("root-scope"),
        changed("a backup that does not say so", "root-uri", |manifest| {
            drop(
                manifest["root"]
                    .as_object_mut()
                    .unwrap()
                    .remove("package_type"),
            );
        }),
    ]
}
