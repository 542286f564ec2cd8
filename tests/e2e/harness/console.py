"""Reading the machine's serial console while it grows: waiting for a line."""

from __future__ import annotations

import os
import pathlib
import re
import time
from collections.abc import Callable

from .errors import HarnessError

POLL_SECONDS = 0.1
ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>78cM])")


def plain(text: str) -> str:
    """The text without terminal escapes, carriage returns and other controls."""
    text = ESCAPES.sub("", text)
    return "".join(char for char in text if char in "\n\t" or char >= " ")


class Console:
    """`text` is all that has been read so far. `position` is where the next search starts."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        self.text = ""
        self.position = 0
        self._raw_bytes = 0
        self._pending = b""

    def poll(self) -> str:
        """Reads what is new; returns it without terminal escapes."""
        try:
            with open(self.path, "rb") as file:
                if os.fstat(file.fileno()).st_size < self._raw_bytes:
                    self._raw_bytes = 0  # it was started anew
                file.seek(self._raw_bytes)
                data = file.read()
        except FileNotFoundError:
            return ""
        self._raw_bytes += len(data)
        data = self._pending + data
        # A terminal escape may be cut at the end of what was read; keep it for the next time.
        cut = data.rfind(b"\x1b")
        if cut >= 0 and len(data) - cut < 16 and not ESCAPES.match(data[cut:].decode("latin-1")):
            data, self._pending = data[:cut], data[cut:]
        else:
            self._pending = b""
        new = plain(data.decode("utf-8", "replace"))
        self.text += new
        return new

    def wait_for(self, pattern: str, seconds: float, *, check: Callable[[], None],
                 failures: tuple[str, ...] = ()) -> re.Match[str]:
        """Waits for a pattern after the last match; raises when `check` does, on a failure pattern, or on time-out."""
        wanted = re.compile(pattern, re.MULTILINE)
        unwanted = [re.compile(one, re.MULTILINE) for one in failures]
        deadline = time.monotonic() + seconds
        while True:
            self.poll()
            match = wanted.search(self.text, self.position)
            if match:
                self.position = match.end()
                return match
            for bad in unwanted:
                found = bad.search(self.text, self.position)
                if found:
                    raise HarnessError(f"the machine's console says “{found.group(0).strip()}”", log=self.path)
            check()
            if time.monotonic() > deadline:
                raise HarnessError(f"the machine's console has not shown /{pattern}/ after {seconds:.0f} s",
                                   log=self.path)
            time.sleep(POLL_SECONDS)
