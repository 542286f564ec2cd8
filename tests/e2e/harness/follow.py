"""What a person sees of the logs while a stage runs: the last line by default, all of it with --verbose, the
machine's console with --console."""

from __future__ import annotations

import pathlib
import sys
import threading
import time
from collections.abc import Sequence

from .console import Console
from .report import Report

INTERVAL_SECONDS = 0.2
SIGN_OF_LIFE_SECONDS = 60.0  # how often the last line is printed where there is no terminal
CONSOLE = "console.log"


class Follower:
    """Context manager; reads in a thread of its own, so that the stages need not care."""

    def __init__(self, report: Report, folders: Sequence[pathlib.Path], verbose: bool, console: bool):
        self._report = report
        self._folders = folders
        self._verbose = verbose
        self._console = console
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._readers: dict[pathlib.Path, Console] = {}
        self._spoke = time.monotonic()

    def __enter__(self) -> Follower:
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL_SECONDS):
            self._round()
        self._round()

    def _round(self) -> None:
        for folder in self._folders:
            for path in sorted(folder.glob("*.log")):
                new = self._readers.setdefault(path, Console(path)).poll()
                if new:
                    self._show(path, new)

    def _show(self, path: pathlib.Path, new: str) -> None:
        if self._console and path.name == CONSOLE:
            self._report.raw(new)
        elif self._verbose and path.name != CONSOLE:
            self._report.raw("".join(f"{path.stem}: {line}\n" for line in new.splitlines()))
        elif not self._console and not self._verbose:
            lines = [line for line in new.splitlines() if line.strip()]
            if lines:
                self._report.status(f"{path.stem}: {lines[-1].strip()}")
                self._sign_of_life(f"  … {path.stem}: {lines[-1].strip()[:100]}")

    def _sign_of_life(self, text: str) -> None:
        if not sys.stderr.isatty() and time.monotonic() - self._spoke > SIGN_OF_LIFE_SECONDS:
            self._spoke = time.monotonic()
            self._report.say(text)
