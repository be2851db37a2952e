#!/usr/bin/env bash
# crash-check.sh digest STORE          prints one line a live path
# crash-check.sh check STORE OLD NEW   fails unless the store is whole and its tree is OLD or NEW
set -euo pipefail
digest() {
    (cd "$1/viking" && find . -printf '%y %p\n' | LC_ALL=C sort &&
        find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum)
}
if [ "$1" = digest ]; then
    digest "$2"
    exit
fi
store=$2
tree=$(digest "$store")
if [ "$tree" = "$(cat "$3")" ]; then found=old
elif [ "$tree" = "$(cat "$4")" ]; then found=new
else echo "the tree is neither old nor new"; exit 1; fi
if [ "${CRASH_RC:-}" = 0 ] && [ $found = old ]; then echo "success was reported, but the tree is old"; exit 1; fi
# 3 says: in place, the journal is completed later.
if [ "${CRASH_RC:-}" = 3 ] && [ $found = old ]; then echo "pending was reported, but the tree is old"; exit 1; fi
case "${CRASH_RC:-}" in
0 | 3 | -9 | 6) ;;
*) if [ $found = new ]; then echo "failure $CRASH_RC was reported, but the tree is new"; exit 1; fi ;;
esac
"$OVPACK" --store "$store" journal verify -q > /dev/null
# A slot that no committed transaction holds is left over; one that a rollback needs is there.
held=$(sqlite3 -readonly "$store/.ovpack/store.db" "SELECT id FROM slot WHERE state <> 'pruned' ORDER BY id")
there=$(ls "$store/.ovpack/slots" | sort -n)
if [ "$held" != "$there" ]; then echo "slots in the journal: $held; on the disk: $there"; exit 1; fi
open=$(sqlite3 -readonly "$store/.ovpack/store.db" "SELECT count(*) FROM slot WHERE state <> 'pruned' AND holder IS NULL")
if [ "$open" != 0 ]; then echo "$open slots are held by nobody"; exit 1; fi
if [ -n "$(ls "$store/.ovpack/staging")" ]; then echo "staging is not empty"; exit 1; fi
if [ $found = new ]; then
    last=$(sqlite3 -readonly "$store/.ovpack/store.db" "SELECT max(tx) FROM event WHERE kind = 'committed'")
    "$OVPACK" --store "$store" rollback "$last" -q > /dev/null
    [ "$(digest "$store")" = "$(cat "$3")" ] || { echo "the rollback did not bring the old tree back"; exit 1; }
fi
