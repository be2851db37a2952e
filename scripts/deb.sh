#!/bin/sh
# Makes the Debian package: the program as the profile `dist` builds it, manual pages, completions.
# Needs cargo-deb. What the package holds besides is made by the program itself, in target/installed.
set -eu
cd "$(dirname "$0")/.."
cargo build --locked --profile dist
program=${CARGO_TARGET_DIR:-target}/dist/ovpack
installed=target/installed
rm -rf "$installed"
mkdir -p "$installed/completions"
"$program" man "$installed/man" --quiet > "$installed/pages"
gzip -9n "$installed"/man/*.1
"$program" completions bash > "$installed/completions/ovpack"
"$program" completions zsh > "$installed/completions/_ovpack"
"$program" completions fish > "$installed/completions/ovpack.fish"
cargo deb --locked --no-build --profile dist "$@"
