use super::*;

fn parse(text: &str) -> Result<Settings> {
    Settings::parse(text, Utf8Path::new("config.toml"))
}

#[test]
fn a_setting_that_is_not_there_has_its_default() {
    for (text, layout) in [
        ("", None),
        ("# nothing\n", None),
        ("layout = \"v3\"\n", Some(Layout::V3)),
        ("layout = 'v2-files'", Some(Layout::V2Files)),
    ] {
        assert_eq!(parse(text).expect("read").layout(), layout, "{text:?}");
    }
    let nothing = Settings::default();
    assert_eq!(nothing.limits(), Limits::default());
    assert_eq!(nothing.retention(), Retention::default());
    assert_eq!((nothing.jobs(), nothing.store()), (None, None));
    let of = |key: &str| {
        let all = nothing.list();
        all.into_iter()
            .find(|it| it.key == key)
            .expect("listed")
            .value
    };
    for (key, value) in [
        ("layout", Some("v2")),
        ("limits.manifest_bytes", Some("256MiB")),
        ("limits.ratio_floor_bytes", Some("1024MiB")),
        ("limits.unpacked_bytes", None),
        ("index.embedder", Some("builtin")),
        ("index.batch", Some("64")),
    ] {
        assert_eq!(of(key).as_deref(), value, "{key}");
    }
}

/// A file that says something of each key.
const EACH: &str = "store = 'notes'
jobs = 3
layout = 'v3'
[limits]
manifest_bytes = '1MiB'
members = 1_000
path_bytes = 100
component_bytes = '100'
depth = 0x10
ratio = 50
ratio_floor_bytes = '2GB'
unpacked_bytes = '1TiB'
[retention]
keep_last = 5
keep_within = '30d'
max_bytes = '10GiB'
[index]
embedder = 'openai'
url = 'http://localhost:1'
model = 'm'
key_env = 'KEY'
dimensions = 256
batch = 16
timeout_seconds = 5
";

#[test]
fn every_key_can_be_set_and_is_listed_with_its_place() {
    let settings = parse(EACH).expect("read");
    let listed = settings.list();
    assert_eq!(listed.len(), Settings::keys().count());
    for setting in &listed {
        let Origin::File { path, line } = &setting.origin else {
            panic!("{setting:?} is not of the file");
        };
        assert_eq!(path, "config.toml");
        let leaf = setting.key.rsplit('.').next().expect("a name");
        let written = EACH.lines().nth(line - 1).expect("a line");
        assert!(written.starts_with(leaf), "{setting:?}: {written}");
    }
}

#[test]
fn what_a_file_says_is_what_is_meant() {
    let settings = parse(EACH).expect("read");
    assert_eq!(
        settings.limits(),
        Limits {
            manifest_bytes: 1 << 20,
            members: 1000,
            path_bytes: 100,
            component_bytes: 100,
            depth: 16,
            ratio: 50,
            ratio_floor_bytes: 2_000_000_000,
            unpacked_bytes: Some(1 << 40),
        }
    );
    let retention = settings.retention();
    assert_eq!(
        (retention.keep_last, retention.max_bytes),
        (Some(5), Some(10 << 30))
    );
    assert_eq!(retention.keep_within, Some(Duration::from_hours(30 * 24)));
    assert_eq!(settings.jobs().map(Jobs::get), Some(3));
    assert_eq!(settings.store(), Some(Utf8Path::new("notes")));
    let index = settings.index().expect("consistent");
    assert_eq!(index.embedder, EmbedderKind::Openai);
    assert_eq!(
        (index.dimensions, index.batch, index.timeout_seconds),
        (Some(256), 16, 5)
    );
    assert_eq!(index.key_env.as_deref(), Some("KEY"));
}

#[test]
fn what_is_no_setting_is_told_with_its_line_and_the_nearest_key() {
    for (text, says) in [
        ("layuot = \"v3\"", &["layuot", "`layout`", "line 1"][..]),
        ("\n\nlayout = \"v3\"\nmore = 1", &["more", "line 4"]),
        ("layout = \"v4\"", &["v4", "v2, v2-files and v3", "line 1"]),
        ("layout = 3", &["line 1", "quotes"]),
        ("layout = \"v3\"\nlayout = \"v3\"", &["duplicate", "line 2"]),
        ("layout = \"v3", &["line 1"]),
        ("[layout]", &["line 1", "quotes"]),
        ("limits = 3", &["line 1", "[limits]"]),
        (
            "[index]\nembeder = 'none'",
            &["embeder", "line 2", "`index.embedder`"],
        ),
        ("embedder = 'none'", &["line 1", "`index.embedder`"]),
        ("[limit]\nmembers = 3", &["line 1", "`limits.members`"]),
        (
            "[retention]\nkeep-last = 3",
            &["line 2", "`retention.keep_last`"],
        ),
        ("[retention]\nkeep_within = 3", &["line 2", "quotes"]),
        (
            "[retention]\nkeep_within = '3m'",
            &["line 2", "12h, 30d or 2w"],
        ),
        ("[limits]\nmembers = -1", &["line 2", "it is a number"]),
        ("[limits]\npath_bytes = 5000", &["line 2", "4096"]),
        ("[limits]\nmanifest_bytes = '1mb'", &["line 2", "256MiB"]),
        ("[limits.members]\nx = 1", &["line 1", "limits.members"]),
        ("jobs = 0", &["from 1 to 64"]),
        ("store = ''", &["no value"]),
        ("[index]\nembedder = 'best'", &["best", "line 2"]),
        ("[index]\nurl = 'ftp://x'", &["url", "http://"]),
        ("[index]\nbatch = 0", &["batch", "from 1 to 2048"]),
    ] {
        let told = parse(text).expect_err("refused").to_string();
        for word in says {
            assert!(told.contains(word), "{text:?}: {told}");
        }
    }
    let openai = parse("[index]\nembedder = 'openai'").expect("each may stand alone");
    let told = openai.index().expect_err("refused").to_string();
    assert!(
        told.contains("`url` and `model`") && told.contains("line 2"),
        "{told}"
    );
}

#[test]
fn one_layer_lies_over_another() {
    let mut above = Settings::default();
    let environment = || Origin::Environment {
        name: "OVPACK_LAYOUT".to_owned(),
    };
    above.set("layout", "v3", environment()).expect("set");
    let below = parse("layout = 'v2'\njobs = 2").expect("read");
    let both = above.over(&below);
    assert_eq!(
        (both.layout(), both.jobs().map(Jobs::get)),
        (Some(Layout::V3), Some(2))
    );
    let told = Settings::default()
        .set("layout", "v9", environment())
        .expect_err("refused");
    assert_eq!(
        told.to_string(),
        "OVPACK_LAYOUT cannot be used: `layout` is `v9`: it is one of v2, v2-files and v3"
    );
}
