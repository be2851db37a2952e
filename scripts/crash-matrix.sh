#!/usr/bin/env bash
# Walks a crash harness over an overwriting import and over a restore: killed before each system
# call, and each call failing; afterwards the tree is exactly old or exactly new.
#   scripts/crash-matrix.sh HARNESS.py OVPACK WORKDIR [harness options]
set -euo pipefail
status=0
harness=$1 ovpack=$(realpath "$2") work=$(realpath -m "$3")
shift 3
fixtures=$(realpath "$(dirname "$0")/../fixtures")
check=$(realpath "$(dirname "$0")/crash-check.sh")
mkdir -p "$work"
export OVPACK=$ovpack
for act in import restore; do
    rm -rf "${work:?}/$act" "$work/new-$act"
    case $act in
    import)
        prepare="$ovpack init {state}/s -q && $ovpack --store {state}/s import '$fixtures/v2flat-user-memories.ovpack' viking://user/alice -q >/dev/null"
        command="$ovpack --store {state}/s import $fixtures/v2flat-user-memories-vectors.ovpack viking://user/alice --on-conflict overwrite -q"
        # The two packs carry the same files; an edit makes the old tree another one.
        prepare="$prepare && echo edited > {state}/s/viking/user/alice/memories/profile.md && echo extra > {state}/s/viking/user/alice/memories/extra.md"
        ;;
    restore)
        prepare="$ovpack init {state}/s -q && $ovpack --store {state}/s import '$fixtures/v2flat-resources-click.ovpack' viking://resources -q >/dev/null && echo extra > {state}/s/viking/resources/extra.md"
        command="$ovpack --store {state}/s restore $fixtures/v2flat-backup-full.ovpack --on-conflict overwrite -q"
        ;;
    esac
    # What the two allowed outcomes look like, made once.
    reference="$work/new-$act"
    mkdir -p "$reference"
    sh -c "${prepare//\{state\}/$reference}"
    "$check" digest "$reference/s" > "$work/$act.old"
    sh -c "${command//\{state\}/$reference}" > /dev/null
    "$check" digest "$reference/s" > "$work/$act.new"
    python3 "$harness" --work "$work/$act" --prepare "$prepare" --cmd "$command" \
        --recover "$ovpack --store {state}/s recover -q" \
        --check "$check check {state}/s '$work/$act.old' '$work/$act.new'" "$@" || status=$?
done
exit $status
