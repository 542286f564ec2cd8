"""The builder's program of the release build, run for what it prints."""

from __future__ import annotations

import subprocess

from . import paths


def osiekit(*words: object, status: int = 0) -> str:
    """What `osiekit` prints, when it ends with that status."""
    command = [str(paths.program("osiekit")), *map(str, words)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != status:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode} instead of {status}: "
                             f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout
