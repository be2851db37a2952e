#!/usr/bin/env bash
# api-fuzz.sh OVPACK WORK: validates /openapi.json, and lets schemathesis look for server errors and for
# answers that the description does not know. Both are installed from PyPI into WORK. All traffic is loopback.
set -euo pipefail
ovpack=$(realpath "$1")
mkdir -p "$2"
work=$(realpath "$2")
here=$(realpath "$(dirname "$0")")
cd "$work"
if ! [ -x venv/bin/schemathesis ]; then
    python3 -m venv venv
    venv/bin/pip install -q schemathesis openapi-spec-validator
fi
key=api-fuzz-admin-0123456789
printf 'admin ops %s\n' $key > keys
rm -rf store
"$ovpack" init store -q
"$ovpack" --store store import "$here/../fixtures/v2flat-resources-click.ovpack" resources -q
"$ovpack" --store store serve --addr 127.0.0.1:0 --api-key-file keys > serve.out 2> serve.log &
server=$!
trap 'kill $server 2> /dev/null || true' EXIT
for _ in $(seq 200); do grep -q listening serve.out && break; sleep 0.05; done
url=$(sed -n 's/^listening on //p' serve.out)
curl -sf -H "X-API-Key: $key" "$url/openapi.json" > openapi.json
venv/bin/openapi-spec-validator openapi.json
venv/bin/schemathesis run openapi.json --url "$url" -H "X-API-Key: $key" --max-examples "${EXAMPLES:-60}" \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance
kill -0 $server
! grep -E 'ERROR|panicked' serve.log
"$ovpack" --store store journal verify -q
