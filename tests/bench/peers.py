"""How long commands take. The peers of `osiekit build`, initramfs-tools and dracut, are in harness/initramfs_makers."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Sequence

from harness.processes import run_logged


def timed(command: Sequence[str], log: pathlib.Path) -> float:
    start = time.monotonic()
    run_logged(command, log)
    return time.monotonic() - start
