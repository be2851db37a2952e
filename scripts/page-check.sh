#!/usr/bin/env bash
# page-check.sh OVPACK WORK: the auditors' page in Chromium. Screenshots are left in WORK/shots.
# Needs chromium (Debian's package) and npm; node modules are put into WORK.
set -euo pipefail
ovpack=$(realpath "$1")
mkdir -p "$2/shots"
work=$(realpath "$2")
here=$(realpath "$(dirname "$0")")
click=$here/../fixtures/v2flat-resources-click.ovpack
cd "$work"
[ -d node_modules/axe-core ] || npm install --silent --no-fund --no-audit playwright-core axe-core
admin=page-check-admin-0123456789 auditor=page-check-auditor-0123456789
printf 'admin ops %s\nauditor jane %s\n' $admin $auditor > keys
rm -rf store page.out
"$ovpack" init store -q
"$ovpack" --store store import "$click" resources -q > /dev/null
echo 'an edit' >> store/viking/resources/click/README.md
"$ovpack" --store store import "$click" resources --on-conflict overwrite -q > /dev/null
"$ovpack" --store store import "$click" resources -q 2> /dev/null || true
mkdir -p store/viking/resources/other
echo drift > 'store/viking/resources/other/<b>strange & "long" name that goes on and on and on and on and on and on.md'
"$ovpack" --store store serve --addr 127.0.0.1:0 --api-key-file keys > page.out 2> page.log &
server=$!
trap 'kill $server 2> /dev/null || true' EXIT
for _ in $(seq 200); do grep -q listening page.out && break; sleep 0.05; done
node "$here/page-check.mjs" "$(sed -n 's/^listening on //p' page.out)" $admin $auditor "$work/shots"
"$ovpack" --store store journal verify -q
