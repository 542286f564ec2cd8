"""The harness's errors: a sentence, what to do, and the log whose end tells more."""

from __future__ import annotations

import pathlib


class HarnessError(Exception):
    """Something the harness did has failed. `log` is the file whose last lines explain it, if there is one."""

    def __init__(self, message: str, hint: str = "", log: pathlib.Path | None = None):
        super().__init__(message)
        self.hint = hint
        self.log = log


class Interrupted(Exception):
    """The user (Ctrl-C) or the system (SIGTERM, SIGHUP) asked us to stop."""


def tail(path: pathlib.Path, lines: int = 30, limit: int = 64 * 1024) -> list[str]:
    """The last lines of a log, free of control characters that would disturb a terminal."""
    try:
        with open(path, "rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - limit))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    clean = "".join(char for char in text.replace("\r", "") if char in "\n\t" or char >= " ")
    return clean.splitlines()[-lines:]
