# Plain cargo lines: whoever has no just can read and paste them.

# What every change must pass
check:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings
    RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps --locked

# All tests
test:
    cargo test --locked

# Tests that fail or kill each step of an act
crash:
    cargo test --locked --test it crash

# Tests that take minutes
long-tests:
    cargo test --locked --lib -- --ignored
    cargo test --locked --test it -- --ignored

# Fuzzes each target for so many seconds (needs cargo-fuzz and a nightly toolchain)
fuzz seconds="900":
    scripts/fuzz.sh {{seconds}}

# Takes over help pages and error texts that changed on purpose
snapshots:
    INSTA_UPDATE=always cargo test --locked --test it -- help errors

# Takes over the output in the guides that changed on purpose
guides:
    GUIDES=overwrite cargo test --locked --test it -- guides

# Licences, sources and known faults of dependencies (needs cargo-deny)
deny:
    cargo deny check

# Licences and sources alone, where cargo-deny is not there (needs python3)
licences:
    python3 scripts/licences.py

# The crate as it will be downloaded, built, and below 10 MB
package:
    scripts/package.sh

# The Debian package (needs cargo-deb)
deb:
    scripts/deb.sh

# The README's commands in a fresh clone, as they stand (needs python3)
newcomer page="README.md" *options:
    python3 scripts/newcomer.py {{page}} {{options}}

# Restores a real backup into a new store and shows it
first-run:
    sh examples/first-run.sh

# OpenViking's own clients, installed from PyPI, against the server
real-clients work="target/real-clients":
    cargo build --locked
    scripts/real-clients.sh target/debug/ovpack {{work}}

# The auditors' page in Chromium, with axe (needs chromium and npm)
page-check work="target/page-check":
    cargo build --locked
    scripts/page-check.sh target/debug/ovpack {{work}}

# Many clients at once against the server, then the same while it is killed again and again
load seconds="300" work="target/load":
    cargo build --locked
    mkdir -p {{work}}
    python3 scripts/load.py target/debug/ovpack fixtures {{work}} {{seconds}}
    python3 scripts/load.py target/debug/ovpack fixtures {{work}} {{seconds}} --kill

# Requests made up from the server's own description (schemathesis from PyPI)
api-fuzz work="target/api-fuzz":
    cargo build --locked
    scripts/api-fuzz.sh target/debug/ovpack {{work}}

# Everything that the pipeline runs
ci:
    .ci/run

# Times the release program and its peers (needs a benchmark harness and workloads; see docs/performance.md)
bench harness workloads *names:
    cargo build --release --locked
    bash {{harness}}/bench.sh target/release/ovpack {{workloads}} {{names}}

# Kills and fails the release program at each system call (needs strace, sqlite3 and a crash harness)
crash-matrix harness work="target/crash-matrix":
    cargo build --release --locked
    scripts/crash-matrix.sh {{harness}} target/release/ovpack {{work}} --jobs 2 --mode kill,error,sticky --limit 100000 --recrash 4 --timed 50 --no-swallow sync,rename

# Tries Btrfs, XFS and overlayfs on loop images (needs root, btrfs-progs and xfsprogs)
file-systems work="target/file-systems":
    cargo build --release --locked
    scripts/file-systems.sh target/release/ovpack {{work}}
