#!/usr/bin/env python3
"""Does what a README tells a newcomer, as it stands, in a fresh clone: from the first block to the last console
block, in one shell.

    scripts/newcomer.py [README.md | README.zh.md] [--program OVPACK]

A command whose shown output begins with `error:` must fail, all others must succeed; what exactly comes out is
held by the tests. Nothing is written outside of a scratch directory, but what cargo keeps for itself. With
--program the blocks that build are left out, and that program stands for the installed one. Prints the time that
building took, and the time that everything else took.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARK = "\x1e"


def blocks(page: Path):
    """Yields language and lines of each fenced block."""
    info, lines = None, []
    for line in page.read_text().splitlines():
        if info is None and line.startswith("```") and line != "```":
            info, lines = line[3:].split()[0], []
        elif info is not None and line == "```":
            yield info, lines
            info = None
        elif info is not None:
            lines.append(line)


def commands(page: Path):
    """Yields command, whether it builds, and whether it is shown to fail."""
    found = []
    for info, lines in blocks(page):
        if info == "sh":
            found.append(("sh", [(line, False) for line in lines if line.strip()]))
        elif info == "console":
            steps = []
            for at, line in enumerate(lines):
                if line.startswith("$ "):
                    shown = lines[at + 1] if at + 1 < len(lines) else ""
                    steps.append((line[2:], shown.startswith("error:")))
            found.append(("console", steps))
    last = max(at for at, (info, _) in enumerate(found) if info == "console")
    for info, steps in found[: last + 1]:
        for command, fails in steps:
            yield command, info == "sh", fails


def main() -> int:
    arguments = sys.argv[1:]
    program = None
    if "--program" in arguments:
        at = arguments.index("--program")
        program = Path(arguments[at + 1]).resolve()
        del arguments[at : at + 2]
    name = arguments[0] if arguments else "README.md"
    with tempfile.TemporaryDirectory(prefix="ovpack-newcomer-") as scratch:
        clone = Path(scratch) / "ovpack"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        todo = [it for it in commands(clone / name) if not (program and it[1])]
        installed = program.parent if program else Path(scratch) / "installed" / "bin"
        environment = os.environ | {
            "CARGO_INSTALL_ROOT": str(Path(scratch) / "installed"),
            "PATH": f"{installed}:{os.environ['PATH']}",
            "TMPDIR": scratch,
            "XDG_CONFIG_HOME": str(Path(scratch) / "config"),
        }
        environment.pop("OVPACK_STORE", None)
        environment.pop("CARGO_TARGET_DIR", None)
        script = "exec 2>&1\n" + "".join(
            f"{command}\nprintf '{MARK}%d{MARK}' $?\n" for command, _, _ in todo
        )
        shell = subprocess.Popen(["sh", "-c", script], cwd=clone, env=environment,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        spent, wrong, text = {True: 0.0, False: 0.0}, 0, ""
        for command, builds, fails in todo:
            begun = time.monotonic()
            while text.count(MARK) < 2:
                read = shell.stdout.read(1)
                if not read:
                    print(text)
                    print("the shell ended early", file=sys.stderr)
                    return 1
                text += read
            output, code, text = text.split(MARK, 2)
            spent[builds] += time.monotonic() - begun
            print(f"$ {command}\n{output}", end="")
            if (code != "0") != fails:
                wrong += 1
                print(f"!! ended with {code}")
        shell.wait()
    print(f"{len(todo)} commands of {name}, {wrong} not as shown; "
          f"{spent[True]:.0f} s to build, {spent[False]:.1f} s for the rest")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
