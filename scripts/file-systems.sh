#!/usr/bin/env bash
# file-systems.sh OVPACK WORK
# Tries what only some file systems have, on loop images below WORK. Needs root, btrfs-progs and
# xfsprogs: a merge shares the blocks of what it keeps, and a write to either side stays there;
# `init --adopt` refuses what came with a lower layer of overlayfs.
set -euo pipefail
ovpack=$(realpath "$1")
mkdir -p "$2"
cd "$2"
mounted=()
leave() {
    for at in "${mounted[@]}"; do umount "$at"; done
    rm -f -- *.img
}
trap leave EXIT
fail() { echo "$*" >&2; exit 1; }
used_kib() { sync -f "$1"; df -k --output=used "$1" | tail -1; }

# A pack with one small file, made by the program itself.
rm -rf small small.ovpack
"$ovpack" init -q small > /dev/null
mkdir -p small/viking/resources/notes
echo small > small/viking/resources/notes/small.md
"$ovpack" --store small export -q resources/notes small.ovpack > /dev/null

for kind in btrfs xfs; do
    truncate -s 1G $kind.img
    mkfs.$kind -q $kind.img > /dev/null
    mkdir -p $kind
    mount -o loop $kind.img $kind
    mounted+=("$PWD/$kind")
    store=$kind/store
    run() { "$ovpack" -q --store $store "$@" > /dev/null; }
    "$ovpack" init -q $store > /dev/null
    run import small.ovpack resources
    large=$store/viking/resources/notes/large.bin
    head -c 200M /dev/urandom > $large
    digest=$(sha256sum < $large)
    before=$(used_kib $kind)
    run import small.ovpack resources --on-conflict merge
    grown=$(($(used_kib $kind) - before))
    [ $grown -lt 20480 ] || fail "$kind: the merge took $grown KiB more, of a kept file of 204800 KiB"
    [ "$(sha256sum < $large)" = "$digest" ] || fail "$kind: the kept file is another"
    printf changed | dd of=$large conv=notrunc status=none
    run rollback tx2 --force
    [ "$(sha256sum < $large)" = "$digest" ] || fail "$kind: a write to the copy reached the original"
    run journal verify
    echo "$kind: a merge of 200 MiB took $grown KiB; what was written later stayed where it was"
done

rm -rf overlay
mkdir -p overlay/{lower/resources/notes,upper,work,live}
echo lower > overlay/lower/resources/notes/a.md
mount -t overlay overlay -o lowerdir=overlay/lower,upperdir=overlay/upper,workdir=overlay/work,redirect_dir=off overlay/live
mounted+=("$PWD/overlay/live")
told=$("$ovpack" --json init --adopt overlay/live) && fail "overlayfs: a directory of a lower layer was adopted"
[[ $told == *file-system-unsupported*lower\ layer* ]] || fail "overlayfs: $told"
[ -f overlay/live/resources/notes/a.md ] || fail "overlayfs: the content is gone"
rm -rf overlay/live/resources overlay/live/.ovpack
mkdir -p overlay/live/resources/notes
echo new > overlay/live/resources/notes/b.md
"$ovpack" init -q --adopt overlay/live > /dev/null
"$ovpack" -q --store overlay/live import small.ovpack resources --on-conflict overwrite > /dev/null
"$ovpack" -q --store overlay/live rollback tx2 > /dev/null
[ "$(cat overlay/live/resources/notes/b.md)" = new ] || fail "overlayfs: the rollback"
echo "overlayfs: a lower layer is refused, what is new is adopted, exchanged and rolled back"
