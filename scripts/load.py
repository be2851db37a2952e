#!/usr/bin/env python3
"""load.py OVPACK PACKS WORK SECONDS [--kill]: many clients at once against `ovpack serve`.

64 clients upload and import, export and back up, read the journal, send rubbish and go away in the
middle, while one restores a backup over the whole tree again and again. Every answer is checked, and
every pack that comes is verified for being whole. With --kill the server is killed with SIGKILL every
few seconds and started again. In the end the journal is verified, and nothing may be left of uploads.
"""
import hashlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from io import BytesIO

ovpack, packs, work, seconds = sys.argv[1:5]
kills = "--kill" in sys.argv
store = os.path.join(work, "load-store")
CLIENTS = 64
seen, wrong, lock = Counter(), [], threading.Lock()
# What one writing act, four that read files and those that ask the journal may take together.
MEMORY_MAX_MIB = 160
port, process = 0, None
peaks = [0] * 5
end = 0.0


def note(what):
    with lock:
        seen[what] += 1


def fail(what):
    with lock:
        wrong.append(what)


def start():
    global port, process
    log = open(os.path.join(work, "load.log"), "a")
    process = subprocess.Popen([ovpack, "--store", store, "serve", "-q", "--addr", f"127.0.0.1:{port}",
                                "--upload-expiry", "240"],
                               stdout=subprocess.PIPE, stderr=log, text=True)
    line = process.stdout.readline()
    port = int(re.search(r":(\d+)$", line.strip()).group(1))


class Down(Exception):
    pass


def ask(method, path, body=None, headers=None, timeout=280):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        return reply.status, dict((k.lower(), v) for k, v in reply.getheaders()), reply.read()
    except (OSError, http.client.HTTPException) as error:
        if kills:
            raise Down from error
        raise
    finally:
        connection.close()


def post(path, body):
    return ask("POST", path, json.dumps(body), {"Content-Type": "application/json"})


def upload(data):
    body = (b'--x\r\nContent-Disposition: form-data; name="file"; filename="load.ovpack"\r\n\r\n'
            + data + b"\r\n--x--\r\n")
    status, _, answer = ask("POST", "/api/v1/resources/temp_upload", body,
                            {"Content-Type": "multipart/form-data; boundary=x"})
    if status != 200:
        fail(f"upload: {status} {answer[:300]}")
        return None
    note("uploads")
    return json.loads(answer)["result"]["temp_file_id"]


def check_pack(what, status, headers, data):
    if status != 200:
        # A tree that every restore exchanges may move three times while it is packed.
        if status == 409 and json.loads(data)["error"]["reason"] in ("live-tree-changed", "file-changing"):
            note(f"{what}: the tree moved")
        else:
            fail(f"{what}: {status} {data[:300]}")
        return
    if hashlib.sha256(data).hexdigest() != headers["x-ovpack-sha256"] or len(data) != int(headers["content-length"]):
        fail(f"{what}: other bytes than its digest says")
    if zipfile.ZipFile(BytesIO(data)).testzip() is not None:
        fail(f"{what}: no whole ZIP")
    note(what)


def client(number, click):
    chance = random.Random(number)
    while time.time() < end:
        try:
            turn(number, chance, click)
        except Down:
            note("server was down")
            time.sleep(0.1)
        except Exception as error:  # everything that is not expected is a finding
            fail(f"client {number}: {type(error).__name__} {error}")


def turn(number, chance, click):
    choice = chance.randrange(10)
    if choice < 3:
        check_pack("exports", *post("/api/v1/pack/export", {"uri": "viking://user"}))
    elif choice == 3:
        check_pack("backups", *post("/api/v1/pack/backup", {}))
    elif choice < 6:
        upload_and_import(number, click)
    elif choice == 6:
        status, _, answer = ask("GET", "/api/v1/journal/transactions?limit=20")
        ids = [int(one["transaction"][2:]) for one in json.loads(answer)["result"]["transactions"]]
        if status != 200 or ids != sorted(ids, reverse=True):
            fail(f"list: {status} {ids}")
        note("lists")
    elif choice == 7 and number % 16 == 0:
        # Never used: it expires.
        upload(click)
    elif choice == 7:
        status, _, answer = ask("GET", "/api/v1/find?query=click")
        if status != 200:
            fail(f"find: {status} {answer[:300]}")
        note("questions")
    elif choice == 8:
        status, _, answer = post("/api/v1/pack/import", {"temp_file_id": "upload_no.ovpack", "parent": "viking://resources"})
        # The writer may be busy before anybody looks for the upload.
        if status not in (404, 423):
            fail(f"rubbish: {status} {answer[:300]}")
        note("rubbish")
    else:
        go_away(chance)


def upload_and_import(number, click):
    id = upload(click)
    if id is None:
        return
    status, _, answer = post("/api/v1/pack/import?wait=2", {
        "temp_file_id": id, "parent": f"viking://resources/load/{number}", "on_conflict": "overwrite"})
    if status == 200:
        note("imports")
    elif status == 423:
        note("imports told busy")
    else:
        fail(f"import: {status} {answer[:300]}")


def go_away(chance):
    """Asks for a pack, or begins to send one, and closes the connection."""
    try:
        with socket.create_connection(("127.0.0.1", port), 30) as stream:
            if chance.randrange(2):
                stream.sendall(b"POST /api/v1/pack/backup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
            else:
                stream.sendall(b"POST /api/v1/resources/temp_upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n" + b"y" * 50000)
            time.sleep(chance.random() / 5)
    except OSError:
        pass
    note("went away")


def restore(backup):
    while time.time() < end:
        try:
            id = upload(backup)
            if id is None:
                continue
            status, _, answer = post("/api/v1/pack/restore?wait=120", {"temp_file_id": id, "on_conflict": "overwrite"})
            if status != 200:
                fail(f"restore: {status} {answer[:300]}")
            note("restores")
        except Down:
            time.sleep(0.1)
        except Exception as error:
            fail(f"restore: {type(error).__name__} {error}")


def watch_memory():
    """Keeps the peak of each fifth of the time: one that grows from fifth to fifth has no bound."""
    while (left := end - time.time()) > 0:
        fifth = min(4, int(5 * (1 - left / float(seconds))))
        try:
            for line in open(f"/proc/{process.pid}/status"):
                if line.startswith("VmRSS"):
                    peaks[fifth] = max(peaks[fifth], int(line.split()[1]) // 1024)
        except OSError:
            pass
        time.sleep(0.2)


def prune():
    """Old trees would fill the disk. Beside the server, as an operator does it; what is busy is not pruned."""
    while time.time() < end:
        time.sleep(5)
        subprocess.run([ovpack, "--store", store, "--wait", "2", "prune", "--keep-last", "1", "-q"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def killer():
    global process
    chance = random.Random(7)
    while time.time() < end - 3:
        time.sleep(1 + 3 * chance.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        note("kills")
        start()


def main():
    global end
    shutil.rmtree(store, ignore_errors=True)
    subprocess.run([ovpack, "init", store, "-q"], check=True)
    click = open(os.path.join(packs, "v2flat-resources-click.ovpack"), "rb").read()
    backup = open(os.path.join(packs, "v2flat-backup-full.ovpack"), "rb").read()
    start()
    end = time.time() + float(seconds)
    restore_once = json.loads(post("/api/v1/pack/restore", {"temp_file_id": upload(backup)})[2])
    assert restore_once["status"] == "ok", restore_once
    threads = [threading.Thread(target=client, args=(number, click)) for number in range(CLIENTS)]
    threads += [threading.Thread(target=restore, args=(backup,)), threading.Thread(target=watch_memory),
                threading.Thread(target=prune)]
    if kills:
        threads.append(threading.Thread(target=killer))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    process.send_signal(signal.SIGTERM)
    code = process.wait(120)
    if code != 0:
        fail(f"the server ended with {code}")
    if kills:
        # The next start clears what the last kill left.
        start()
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    if max(peaks) > MEMORY_MAX_MIB:
        fail(f"memory: {peaks} MiB; at most {MEMORY_MAX_MIB}")
    left = [name for name in os.listdir(os.path.join(store, ".ovpack/uploads")) if name != "lock" and not name.startswith("upload_")]
    if left:
        fail(f"left: {left}")
    subprocess.run([ovpack, "--store", store, "recover", "-q"], check=True)
    verified = subprocess.run([ovpack, "--store", store, "journal", "verify", "--content", "--json"], capture_output=True, text=True, check=False)
    report = json.loads(verified.stdout)
    if report["status"] != "ok":
        fail(f"verify: {report}")
    staging = os.listdir(os.path.join(store, ".ovpack/staging"))
    if staging:
        fail(f"staging: {staging}")
    print(json.dumps({"seconds": float(seconds), "killed": kills, **dict(sorted(seen.items())),
                      "peak_rss_mib": peaks, "events": report.get("result", {}).get("events"), "wrong": len(wrong)}, indent=1))
    for what in wrong[:20]:
        print("WRONG", what)
    shutil.rmtree(store, ignore_errors=True)
    sys.exit(1 if wrong else 0)


main()
