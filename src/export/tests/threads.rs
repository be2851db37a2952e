//! The bytes of a pack do not tell how many threads made it.

use std::num::NonZeroUsize;

use proptest::prelude::*;

use super::*;
use crate::pack::deflater::{PIECE_BYTES, WHOLE_BYTES};

/// Where content of one more byte takes another way.
const LIMITS: [usize; 6] = [
    1,
    64 << 10,
    256 << 10,
    WHOLE_BYTES,
    5 * PIECE_BYTES,
    6 * PIECE_BYTES,
];

#[derive(Clone, Copy, Debug)]
enum Kind {
    Noise,
    Text,
    Zeros,
    /// Shrinks, but no sample says so.
    Hidden,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Noise, Self::Text, Self::Zeros, Self::Hidden];

    fn content(self, bytes: usize) -> Vec<u8> {
        let mut seed = 3_u64;
        let mut noise = std::iter::repeat_with(move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed.to_be_bytes()[0]
        });
        match self {
            Self::Noise => noise.take(bytes).collect(),
            Self::Text => noise
                .flat_map(|byte| [b'a' + byte % 16, b'e'])
                .take(bytes)
                .collect(),
            Self::Zeros => vec![0; bytes],
            Self::Hidden => {
                let mut content: Vec<_> = noise.by_ref().take(bytes).collect();
                let half = content.get_mut(bytes / 8..bytes / 4);
                half.unwrap_or_default().fill(b'x');
                content
            }
        }
    }
}

fn options(jobs: usize) -> ExportOptions {
    ExportOptions {
        jobs: Jobs::new(NonZeroUsize::new(jobs).expect("not 0")),
        force: true,
        ..ExportOptions::default()
    }
}

/// Packs with 1, 2 and 7 threads; returns the one pack that comes of it, verified.
fn pack(fixture: &Fixture, uri: &str) -> ExportReport {
    let [one, two, seven] = [1, 2, 7].map(|jobs| {
        let out = format!("jobs-{jobs}");
        fixture
            .export_with(uri, &out, &options(jobs))
            .expect("packed")
    });
    let digests = [&one, &two, &seven].map(|report| {
        let bytes = std::fs::read(&report.file).expect("read");
        assert_eq!(report.sha256, Digest::of(&bytes));
        report.sha256
    });
    assert_eq!(digests, [one.sha256; 3]);
    let verified = verify(&one.file, &VerifyOptions::default()).expect("verified");
    assert_eq!(
        (verified.content_sha256, verified.files, verified.bytes),
        (one.content_sha256, one.files, one.bytes)
    );
    one
}

#[test]
fn any_number_of_threads_gives_the_same_bytes_at_every_limit() {
    let fixture = Fixture::new();
    for limit in LIMITS {
        for bytes in [limit - 1, limit, limit + 1] {
            for kind in Kind::ALL {
                let path = format!("resources/sizes/{kind:?}/{bytes}");
                fixture.write(&path, kind.content(bytes));
            }
        }
    }
    let report = pack(&fixture, "resources/sizes");
    let mut zip = open_zip(&report.file);
    for index in 0..zip.len() {
        let mut member = zip.by_index(index).expect("a member");
        let name = member.name().expect("a name").into_owned();
        let path = name.trim_start_matches("sizes/");
        let Some((kind, bytes)) = path.split_once('/').filter(|(_, bytes)| !bytes.is_empty())
        else {
            continue;
        };
        let bytes: usize = bytes.parse().expect("a number");
        let is_stored = format!("{:?}", member.compression()) == "Stored";
        let shrinks = match kind {
            "Noise" => false,
            "Hidden" => bytes > 100 && bytes <= 64 << 10,
            _ => bytes > 100,
        };
        assert_eq!(is_stored, !shrinks, "{name}");
        let mut read = Vec::new();
        member.read_to_end(&mut read).expect("read");
        let live = fixture.live.at(&format!("resources/{name}"));
        assert!(read == std::fs::read(live).expect("read"), "{name}");
    }
    let unzip = Command::new("unzip")
        .args(["-tqq", report.file.as_str()])
        .status();
    assert!(unzip.map_or(true, |status| status.success()));
    let program =
        "import sys, zipfile; sys.exit(zipfile.ZipFile(sys.argv[1]).testzip() is not None)";
    let python = Command::new("python3")
        .args(["-c", program, report.file.as_str()])
        .status();
    assert!(python.map_or(true, |status| status.success()));
}

#[test]
fn many_small_files_are_packed_in_order_by_any_number_of_threads() {
    let fixture = Fixture::new();
    for number in 0..3_000_usize {
        let path = format!("resources/many/{}/{number}.md", number % 7);
        fixture.write(&path, Kind::Text.content(number * 7 % 900));
    }
    let report = pack(&fixture, "resources/many");
    assert_eq!((report.files, report.directories), (3_000, 8));
}

#[test]
fn levels_trade_time_for_size() {
    let fixture = Fixture::new();
    fixture.write("resources/r/small", Kind::Text.content(10_000));
    fixture.write("resources/r/large", Kind::Text.content(WHOLE_BYTES + 1));
    let sizes = [0, 1, 6, 9].map(|level| {
        let options = ExportOptions {
            level: Level::new(level).expect("a level"),
            ..options(2)
        };
        let report = fixture
            .export_with("resources/r", "x", &options)
            .expect("packed");
        verify(&report.file, &VerifyOptions::default()).expect("verified");
        report.pack_bytes
    });
    assert!(sizes[0] > 10_000 + WHOLE_BYTES as u64, "{sizes:?}");
    assert!(
        sizes[0] > sizes[1] && sizes[1] > sizes[2] && sizes[1] > sizes[3],
        "{sizes:?}"
    );
    let default = fixture.export("resources/r", "default").expect("packed");
    assert_eq!(default.pack_bytes, sizes[2]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_files_give_the_same_bytes_with_any_number_of_threads(
        files in proptest::collection::vec(
            (0..LIMITS.len(), 0..5_usize, 0..Kind::ALL.len()), 1..8
        )
    ) {
        let fixture = Fixture::new();
        for (number, (limit, near, kind)) in files.into_iter().enumerate() {
            let bytes = (LIMITS[limit] + near).saturating_sub(2);
            fixture.write(&format!("resources/r/{number}"), Kind::ALL[kind].content(bytes));
        }
        pack(&fixture, "resources/r");
    }
}
