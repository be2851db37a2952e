#!/bin/sh
# Restores a real OpenViking backup into a new store below target/, shows it, and takes it back.
# Needs cargo and a C compiler; everything it makes is in target/.
set -eu
cd "$(dirname "$0")/.."
cargo build --release --locked --quiet
target=${CARGO_TARGET_DIR:-target}
store=$target/first-run
rm -rf "$store"

# Shows a command line, then runs it.
run() {
    printf '\n$ ovpack %s\n' "$*"
    "$target/release/ovpack" "$@"
}

run init "$store"
OVPACK_STORE=$store
export OVPACK_STORE
run verify fixtures/v2flat-backup-full.ovpack
run restore fixtures/v2flat-backup-full.ovpack
run ls
run ls user/default/memories --long
run cat user/default/memories/profile.md
run rollback tx1
run ls
run rollback tx2
run log
run status
