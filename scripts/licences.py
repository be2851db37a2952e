#!/usr/bin/env python3
"""Holds the licences and sources of all dependencies against deny.toml, where cargo-deny is not there.

    scripts/licences.py [--list]

Asks `cargo metadata` for every package that the program or its tests are built of, on Linux. Knows
neither advisories nor yanked versions: those are cargo-deny's. Ends with 1 where something is not allowed.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def satisfied(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met by allowed licences; `/` is an old way to write OR."""
    words = re.findall(r"\(|\)|[^\s()/]+|/", expression)
    words = ["OR" if word == "/" else word for word in words]

    def either() -> bool:
        met = both()
        while words and words[0] == "OR":
            words.pop(0)
            met = both() or met
        return met

    def both() -> bool:
        met = one()
        while words and words[0] == "AND":
            words.pop(0)
            met = one() and met
        return met

    def one() -> bool:
        word = words.pop(0)
        if word == "(":
            met = either()
            words.pop(0)
            return met
        if words and words[0] == "WITH":
            word = f"{word} WITH {words[1]}"
            del words[:2]
        return word in allowed

    return either()


def main() -> int:
    deny = tomllib.loads((ROOT / "deny.toml").read_text())
    allowed = set(deny["licenses"]["allow"])
    clarified = {it["crate"]: it["expression"] for it in deny["licenses"].get("clarify", [])}
    command = ["cargo", "metadata", "--format-version=1", "--locked", "--all-features",
               "--filter-platform=x86_64-unknown-linux-gnu"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    used = {node["id"] for node in metadata["resolve"]["nodes"]}
    faults, count = [], Counter()
    for package in metadata["packages"]:
        if package["id"] not in used:
            continue
        name = f"{package['name']} {package['version']}"
        licence = package["license"] or clarified.get(package["name"])
        if licence is None:
            faults.append(f"{name} has no licence")
        elif not satisfied(licence, allowed):
            faults.append(f"{name} is under {licence}, which deny.toml does not allow")
        if package["source"] not in (None, CRATES_IO):
            faults.append(f"{name} comes from {package['source']}")
        count[licence or "none"] += 1
    if "--list" in sys.argv[1:]:
        for licence, packages in count.most_common():
            print(f"{packages:4}  {licence}")
    for fault in faults:
        print(fault)
    print(f"{sum(count.values())} packages, {len(faults)} not as deny.toml wants")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
