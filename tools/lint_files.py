"""The work of tools/lint: clang-tidy on each file that has a compile command, several at once, with remembered passes.

    python3 tools/lint_files.py COMPILE_COMMANDS.json FILE…"""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys


def cache_folder() -> pathlib.Path:
    chosen = os.environ.get("OSIEKIT_CACHE")
    base = pathlib.Path(chosen) if chosen else pathlib.Path(
        os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "osiekit"
    folder = base / "lint"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def preprocessed(command: dict, tree: pathlib.Path) -> bytes:
    """The file after its includes: what the linter's answer depends on, wherever the tree lies."""
    words = shlex.split(command["command"])
    out = words.index("-o")
    words = [*words[:out], *words[out + 2:]]
    words[words.index("-c")] = "-E"
    if words[0].endswith("ccache"):
        words = words[1:]
    return subprocess.run(words, cwd=command["directory"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=True).stdout.replace(bytes(tree), b".")


def lint(command: dict, database: pathlib.Path, salt: bytes, cache: pathlib.Path) -> tuple[bool, str]:
    """Whether the file is clean, and what the linter printed."""
    tree = pathlib.Path.cwd()
    # The text itself as well: a NOLINT is gone after the includes.
    own = pathlib.Path(command["directory"], command["file"]).read_bytes()
    digest = hashlib.sha256(salt + hashlib.sha256(own).digest() + preprocessed(command, tree)).hexdigest()
    mark = cache / digest
    if mark.exists():
        return True, ""
    # The commands are GCC's: clang does not know all of its warnings.
    done = subprocess.run(["clang-tidy", "--quiet", "-p", str(database.parent),
                           "--extra-arg=-Wno-unknown-warning-option", command["file"]],
                          capture_output=True, text=True, check=False)
    if done.returncode == 0:
        mark.touch()
        return True, ""
    return False, done.stdout + done.stderr


def main() -> int:
    database = pathlib.Path(sys.argv[1])
    wanted = {str(pathlib.Path(name).resolve()) for name in sys.argv[2:]}
    commands = {}
    for entry in json.loads(database.read_text(encoding="utf-8")):
        path = str((pathlib.Path(entry["directory"]) / entry["file"]).resolve())
        if path in wanted:
            commands.setdefault(path, entry)
    for path in sorted(wanted - commands.keys()):
        print(f"lint: {path} is not part of the build; nothing can be said about it", file=sys.stderr)
    salt = pathlib.Path(".clang-tidy").read_bytes() + subprocess.run(
        ["clang-tidy", "--version"], capture_output=True, check=True).stdout
    cache = cache_folder()
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {pool.submit(lint, entry, database, salt, cache): path for path, entry in sorted(commands.items())}
        for job in concurrent.futures.as_completed(jobs):
            clean, text = job.result()
            if not clean:
                bad += 1
                print(f"lint: {jobs[job]}\n{text}", flush=True)
    print(f"lint: {len(commands) - bad} files clean, {bad} with findings")
    return 1 if bad or wanted - commands.keys() else 0


if __name__ == "__main__":
    sys.exit(main())
