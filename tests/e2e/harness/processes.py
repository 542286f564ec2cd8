"""Child processes: commands with a log, and services that end with us whatever happens."""

from __future__ import annotations

import ctypes
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

from .errors import HarnessError

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 5.0
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run_logged(command: Sequence[str], log: pathlib.Path, *, stdin: str | None = None,
               cwd: pathlib.Path | None = None, env: Mapping[str, str] | None = None) -> None:
    """Runs a command with its output in the log; an error names the command and the log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as file:
        file.write(f"$ {' '.join(command)}\n".encode())
        file.flush()
        try:
            done = subprocess.run(command, input=None if stdin is None else stdin.encode(), cwd=cwd,
                                  stdin=subprocess.DEVNULL if stdin is None else None, env=env,
                                  stdout=file, stderr=subprocess.STDOUT, check=False)
        except OSError as error:
            raise HarnessError(f"cannot run {command[0]}: {error.strerror}", hint="run tools/setup", log=log) from error
    if done.returncode != 0:
        raise HarnessError(f"{pathlib.Path(command[0]).name} {_ending(done.returncode)}", log=log)


def output_of(command: Sequence[str], log: pathlib.Path | None = None) -> str:
    """Runs a command and returns its standard output; its standard error is in the error, and in the log."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError as error:
        raise HarnessError(f"cannot run {command[0]}: {error.strerror}", hint="run tools/setup") from error
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}")
    if done.returncode != 0:
        reason = done.stderr.strip() or done.stdout.strip()
        raise HarnessError(f"{' '.join(command)}: {_ending(done.returncode)}: {reason[-2000:]}", log=log)
    return done.stdout


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"failed with exit code {code}"


def group_is_alive(group: int) -> bool:
    """Whether a process of the group still runs; one that has ended but was not fetched by its parent does not count."""
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] not in "ZX":
            return True
    return False


class Service:
    """A long-running child in its own process group, logging to a file. Ends when we end, even by kill -9."""

    def __init__(self, name: str, command: Sequence[str], log: pathlib.Path, env: Mapping[str, str] | None = None,
                 cwd: pathlib.Path | None = None):
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "ab") as file:
            file.write(f"$ {' '.join(command)}\n".encode())
            file.flush()
            try:
                # The callback only calls prctl; no threads of ours hold locks that it could need.
                self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, env=env, cwd=cwd,
                                                stderr=subprocess.STDOUT, start_new_session=True,
                                                preexec_fn=_die_with_parent)
            except OSError as error:
                raise HarnessError(f"cannot start {name}: {command[0]}: {error.strerror}", hint="run tools/setup",
                                   log=log) from error

    def running(self) -> bool:
        return self.process.poll() is None

    def check(self) -> None:
        """Raises when the service has ended though nobody asked it to."""
        code = self.process.poll()
        if code is not None:
            raise HarnessError(f"{self.name} {_ending(code) if code else 'ended by itself'}", log=self.log)

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def kill(self) -> None:
        """As `kill -9`."""
        self._signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM, then SIGKILL for the whole group; returns the exit code. Harmless when it has ended already."""
        if self.running():
            self._signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                pass
        self._signal(signal.SIGKILL)
        code = self.process.wait()
        self._wait_for_group()
        return code

    def _wait_for_group(self) -> None:
        """A killed process takes a moment to go; whoever uses its files or ports next should not meet it."""
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and group_is_alive(self.process.pid):
            time.sleep(0.01)

    def wait(self, seconds: float) -> int | None:
        """The exit code, or None when it still runs after that time."""
        deadline = time.monotonic() + seconds
        while self.running() and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.process.poll()
