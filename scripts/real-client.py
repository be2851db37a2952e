"""real-client.py URL KEY FIXTURES WORK: the HTTP client of OpenViking's wheel against `ovpack serve`."""
import os
import sys

import openviking

url, key, fixtures, work = sys.argv[1:]
click = os.path.join(fixtures, "v2flat-resources-click.ovpack")
client = openviking.SyncHTTPClient(url=url, api_key=key)
client.initialize()


def refused(what, call, *words):
    try:
        call()
    except Exception as error:  # whatever class the client has for it
        told = f"{type(error).__name__}: {error}"
        for word in words:
            assert word in told, f"{what}: no {word!r} in {told}"
        print(f"  {what}: {told}")
        return
    raise SystemExit(f"{what} was not refused")


def saved(name):
    path = os.path.join(work, name)
    if os.path.exists(path):
        os.remove(path)
    return path


assert "viking://resources/click" in str(client.import_ovpack(click, "viking://resources"))
refused("import again", lambda: client.import_ovpack(click, "viking://resources"), "viking://resources/click")
for policy in ["skip", "overwrite"]:
    answer = client.import_ovpack(click, "viking://resources", on_conflict=policy)
    assert "viking://resources/click" in str(answer), answer
out = saved("python.ovpack")
client.export_ovpack("viking://resources/click", out)
assert open(out, "rb").read(2) == b"PK"
backup = saved("python-backup.ovpack")
client.backup_ovpack(backup)
refused("restore over", lambda: client.restore_ovpack(backup), "viking://")
client.restore_ovpack(backup, on_conflict="overwrite")
refused("export of nothing", lambda: client.export_ovpack("viking://resources/none", saved("python-none.ovpack")), "NotFoundError")
client.close()
