#!/usr/bin/env bash
# real-clients.sh OVPACK WORK: OpenViking's own command lines, and the HTTP client of a wheel, against
# `ovpack serve`. They are installed from PyPI into WORK and run as programs. All traffic is loopback.
set -euo pipefail
ovpack=$(realpath "$1")
mkdir -p "$2"
work=$(realpath "$2")
fixtures=$(realpath "$(dirname "$0")/../fixtures")
here=$(realpath "$(dirname "$0")")
admin=real-clients-admin-0123456789 auditor=real-clients-auditor-0123456789
printf 'admin ops %s\nauditor jane %s\n' $admin $auditor > "$work/keys"
export HOME=$work/home NO_PROXY=127.0.0.1
mkdir -p "$HOME"
servers=()
trap 'for pid in "${servers[@]}"; do kill "$pid" 2> /dev/null || true; done' EXIT

# Downloads that are refused are told by their message alone, everything else with its code.
fail() { echo "FAILED: $*" >&2; exit 1; }

# Starts a server on a new store; sets `store` and `url`.
serve() {
    store=$work/$1
    rm -rf "$store"
    "$ovpack" init "$store" -q > /dev/null
    "$ovpack" --store "$store" serve --addr 127.0.0.1:0 --api-key-file "$work/keys" > "$work/$1.out" 2> "$work/$1.log" &
    servers+=($!)
    for _ in $(seq 200); do
        url=$(sed -n 's/^listening on //p' "$work/$1.out")
        [ -n "$url" ] && return
        sleep 0.05
    done
    fail "no server: $(cat "$work/$1.log")"
}

# Writes the client's configuration: configure KEY
configure() {
    printf '{"url":"%s","api_key":"%s","account":"acme","user":"ann"}\n' "$url" "$1" > "$work/ovcli.conf"
    export OPENVIKING_CLI_CONFIG_FILE=$work/ovcli.conf
}

# expect EXIT TEXT WORDS...: runs the client; its output must have the text.
expect() {
    local code=$1 text=$2 out rc=0
    shift 2
    out=$(timeout 60 "$ov" "$@" 2>&1 < /dev/null) || rc=$?
    printf '$ ov %s\n%s\n' "$*" "$out" >> "$work/transcript-$version.txt"
    [ $rc = "$code" ] || fail "$version: ov $*: exit $rc instead of $code: $out"
    # Newer ones draw a box around an error, and break its lines.
    out=$(sed 's/[│╭╮╰╯─]//g' <<< "$out" | tr -s ' \n' ' ')
    [[ $out == *"$text"* ]] || fail "$version: ov $*: no '$text' in: $out"
}

commits() { "$ovpack" --store "$store" status --json | grep -o '"generation":[0-9]*' | head -1 | cut -d: -f2; }

try_version() {
    version=$1
    ov=$work/venv-$version/bin/ov
    if ! [ -x "$ov" ]; then
        python3 -m venv "$work/venv-$version"
        # Its command line is one program; nothing that it lists as needed is.
        "$work/venv-$version/bin/pip" install -q --no-deps "openviking==$version"
    fi
    : > "$work/transcript-$version.txt"
    "$ov" language en > /dev/null 2>&1 < /dev/null || true
    click=$fixtures/v2flat-resources-click.ovpack
    serve "store-$version"
    configure $admin

    expect 0 viking://resources/click import "$click" viking://resources
    cmp <(unzip -p "$click" click/README.md) "$store/viking/resources/click/README.md"
    expect 1 '[CONFLICT]' import "$click" viking://resources
    expect 1 viking://resources/click import "$click" viking://resources --on-conflict fail
    expect 0 viking://resources/click import "$click" viking://resources --on-conflict skip
    [ "$(commits)" = 1 ] || fail "skip wrote"
    expect 0 viking://resources/click import "$click" viking://resources --on-conflict overwrite
    [ "$(commits)" = 2 ] || fail "overwrite did not"
    expect 0 '' import "$click" resources/copy
    rm -f "$work/out.ovpack" "$work/backup.ovpack" "$work/none.ovpack"
    expect 0 '' export viking://resources/click "$work/out.ovpack"
    "$ovpack" verify "$work/out.ovpack" -q > /dev/null
    expect 0 '' export resources/click "$work/out.ovpack"
    expect 0 '' backup "$work/backup.ovpack"
    "$ovpack" verify "$work/backup.ovpack" -q > /dev/null
    expect 1 'viking://resources/none does not exist' export viking://resources/none "$work/none.ovpack"
    expect 1 'is not one of the scopes' export viking://temp/x "$work/none.ovpack"
    [ ! -s "$work/none.ovpack" ] || fail "something was saved of a refusal"
    expect 1 '[INVALID_ARGUMENT]' import "$work/backup.ovpack" viking://resources
    expect 1 '[INVALID_ARGUMENT]' restore "$click"
    head -c 1000 "$click" > "$work/cut.ovpack"
    expect 1 '[INVALID_ARGUMENT]' import "$work/cut.ovpack" viking://resources
    expect 1 'include_vectors is' export viking://resources/click "$work/none.ovpack" --include-vectors
    expect 1 'vector_mode is' import "$click" viking://resources/v --vector-mode require
    expect 0 '' import "$click" viking://resources/v --vector-mode recompute

    first=$store
    serve "second-$version"
    configure $admin
    expect 0 viking:// restore "$work/backup.ovpack"
    expect 1 '[CONFLICT]' restore "$work/backup.ovpack"
    expect 0 viking:// restore "$work/backup.ovpack" --on-conflict skip
    expect 0 viking:// restore "$work/backup.ovpack" --on-conflict overwrite
    [ "$(commits)" = 2 ] || fail "the restores did not do what they should"
    cmp "$first/viking/resources/click/README.md" "$store/viking/resources/click/README.md"
    "$ovpack" --store "$store" show tx1 --json | grep -q 'x-openviking-account: acme' || fail "the account is not journalled"

    configure not-a-key-0123456789
    expect 1 'has no key' backup "$work/none.ovpack"
    expect 1 '[UNAUTHENTICATED]' import "$click" viking://resources
    configure $auditor
    expect 1 "is an auditor's" backup "$work/none.ovpack"
    expect 1 '[PERMISSION_DENIED]' import "$click" viking://resources
    for one in "$first" "$store"; do
        "$ovpack" --store "$one" journal verify --content -q > /dev/null
        # One upload is left: of the import that was refused before it was used. It expires.
        [ "$(ls "$one/.ovpack/uploads" | grep -cv '^lock$')" -le 1 ] || fail "uploads are left"
    done
    echo "ov $version: as expected"
}

try_python() {
    version=$1
    python=$work/venv-python-$version/bin/python3
    if ! "$python" -c 'import openviking' 2> /dev/null; then
        python3 -m venv "$work/venv-python-$version"
        "$work/venv-python-$version/bin/pip" install -q "openviking==$version"
    fi
    serve "python-$version"
    "$python" "$here/real-client.py" "$url" $admin "$fixtures" "$work"
    "$ovpack" --store "$store" journal verify --content -q > /dev/null
    echo "HTTP client of $version: as expected"
}

try_version 0.3.17
try_version 0.5.2
try_python 0.3.17
