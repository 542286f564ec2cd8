"""Stages with their durations: progress while they run, a table and JSON at the end."""

from __future__ import annotations

import contextlib
import json
import pathlib
import sys
import threading
import time
from collections.abc import Iterator

from .errors import HarnessError

MIB = 1024 * 1024


class Report:
    """Collects what happened. Progress goes to standard error, so that --json leaves standard output clean."""

    def __init__(self, name: str, quiet: bool = False):
        self.name = name
        self.stages: list[dict] = []
        self.facts: dict = {}
        self.result = "running"
        self.failed_stage = ""
        self._quiet = quiet
        self._start = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._line_open = False
        self._lock = threading.Lock()

    def elapsed(self) -> float:
        return time.monotonic() - self._start

    @contextlib.contextmanager
    def stage(self, name: str, description: str) -> Iterator[None]:
        """One stage; remembers how long it took and whether it failed."""
        started = time.monotonic()
        record = {"name": name, "description": description, "seconds": 0.0, "result": "running"}
        self.stages.append(record)
        self.say(f"{description} …")
        try:
            yield
        except BaseException:
            record["result"] = "failed"
            self.failed_stage = name
            raise
        else:
            record["result"] = "ok"
        finally:
            record["seconds"] = round(time.monotonic() - started, 2)
            if record["result"] == "ok":
                self.say(f"{description}: done in {record['seconds']:.1f} s")

    def say(self, text: str) -> None:
        """A line of progress with the time since the start."""
        if self._quiet:
            return
        with self._lock:
            self._clear()
            print(f"[{self.elapsed():6.1f} s] {text}", file=sys.stderr, flush=True)

    def status(self, text: str) -> None:
        """A line that the next one replaces; only on a terminal."""
        if self._quiet or not self._terminal:
            return
        with self._lock:
            print(f"\r\033[K[{self.elapsed():6.1f} s]   {text[:100]}", end="", file=sys.stderr, flush=True)
            self._line_open = True

    def raw(self, text: str) -> None:
        """Text as it is: a log that the user asked to see."""
        with self._lock:
            self._clear()
            print(text, end="", file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if self._line_open:
            print("\r\033[K", end="", file=sys.stderr)
            self._line_open = False

    def as_json(self) -> dict:
        return {"name": self.name, "result": self.result, "failed_stage": self.failed_stage,
                "seconds": round(self.elapsed(), 2), "stages": self.stages, **self.facts}

    def write(self, path: pathlib.Path) -> None:
        """Whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(path.name + ".new")
        draft.write_text(json.dumps(self.as_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        draft.replace(path)

    def table(self) -> str:
        """The stages, their durations, and the sizes."""
        with self._lock:
            self._clear()
        width = max([len(stage["description"]) for stage in self.stages] + [20])
        lines = [f"{'stage':<{width}}  {'time':>8}"]
        for stage in self.stages:
            mark = "" if stage["result"] == "ok" else f"  {stage['result']}"
            lines.append(f"{stage['description']:<{width}}  {stage['seconds']:6.1f} s{mark}")
        lines.append(f"{'in all':<{width}}  {self.elapsed():6.1f} s")
        sizes = self.facts.get("sizes", {})
        if sizes:
            lines.append("")
            lines += [f"{name:<{width}}  {size / MIB:6.1f} MiB" for name, size in sizes.items()]
        return "\n".join(lines)


def explain(error: HarnessError, lines: list[str]) -> str:
    """The text for a person: what failed, what to do, and the end of the log."""
    parts = [f"error: {error}"]
    if error.hint:
        parts.append(f"hint: {error.hint}")
    if error.log is not None:
        parts.append(f"the end of {error.log}:")
        parts += [f"  | {line}" for line in lines]
    return "\n".join(parts)
