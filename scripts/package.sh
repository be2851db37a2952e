#!/bin/sh
# Makes the crate as it will be downloaded, builds it, and wants it below 10 MB.
set -eu
cd "$(dirname "$0")/.."
cargo package --locked
for crate in target/package/ovpack-*.crate; do
    bytes=$(wc -c < "$crate")
    echo "$crate: $bytes bytes"
    test "$bytes" -lt 10000000
done
