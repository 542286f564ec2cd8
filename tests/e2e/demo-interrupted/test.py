"""Ctrl-C in the middle of the demo: it says so, exits with 130 and leaves no process, namespace or device."""

import json
import os
import signal
import subprocess
import time

from harness import paths

FIRST_SIGN = "iPXE"  # on the machine's console: everything is running now
LIMIT_SECONDS = 600.0


def run(context):
    out = context.out / "demo"
    console = out / "logs" / "console.log"
    with open(context.out / "demo.log", "wb") as log:
        demo = subprocess.Popen([str(paths.TREE / "tools" / "demo"), "--no-setup", "--no-build", "--out", str(out)],
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for(context, demo, console)
            children = descendants(demo.pid)
            context.check(any("qemu" in name for name in children.values()), f"a running machine among {children}")
            os.kill(demo.pid, signal.SIGINT)
            code = demo.wait(60)
        finally:
            if demo.poll() is None:
                os.killpg(demo.pid, signal.SIGKILL)
                demo.wait()
    context.equal(code, 130, "the exit code of an interrupted demo")
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    context.equal(report["result"], "interrupted", "the result in report.json")
    left = {pid: name for pid, name in children.items() if command(pid) == name}
    context.equal(left, {}, "the processes left of it")


def wait_for(context, demo, console):
    deadline = time.monotonic() + LIMIT_SECONDS
    while not (console.exists() and FIRST_SIGN.encode() in console.read_bytes()):
        context.check(demo.poll() is None, "the demo runs until it is interrupted", context.out / "demo.log")
        context.check(time.monotonic() < deadline, f"the machine starts within {LIMIT_SECONDS:.0f} s",
                      context.out / "demo.log")
        time.sleep(0.2)


def command(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def descendants(root):
    """The processes below one, with their command lines."""
    listing = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(line.split()[0]): int(line.split()[1]) for line in listing.splitlines()}
    found = {}
    frontier = [root]
    while frontier:
        parent = frontier.pop()
        for pid, above in parents.items():
            if above == parent:
                found[pid] = command(pid)
                frontier.append(pid)
    return {pid: name for pid, name in found.items() if name}
