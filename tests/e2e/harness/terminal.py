"""A program on a pseudo-terminal, as a person sits before it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence

CLEAR = "\x1b[K"  # ECMA-48: erase to the end of the line


class Terminal:
    """Runs the command with the terminal as its controlling one, and collects what it writes there."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], columns: int = 100):
        self._near, self._far = os.openpty()
        fcntl.ioctl(self._far, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.settings = termios.tcgetattr(self._far)
        self._changed = threading.Condition()
        self._text = ""
        # The callback only takes the terminal; no threads of ours hold locks that it could need.
        self.process = subprocess.Popen(command, stdin=self._far, stdout=self._far, stderr=self._far, env=environment,
                                        start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._near, 65536)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                return  # every descriptor of the terminal is closed
            with self._changed:
                self._text += piece.decode("utf-8", errors="replace")
                self._changed.notify_all()

    @property
    def text(self) -> str:
        with self._changed:
            return self._text

    def wait_for(self, pattern: str, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: re.search(pattern, self._text) is not None, seconds)

    def press(self, keys: bytes) -> None:
        os.write(self._near, keys)

    def wait(self, seconds: float) -> int:
        """The exit code; all that was written is in `text` then."""
        try:
            code = self.process.wait(seconds)
            self.settings_after = termios.tcgetattr(self._far)
        finally:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            os.close(self._far)
        self._reader.join(seconds)
        os.close(self._near)
        return code


def drawn(text: str) -> list[str]:
    """What each rewriting of a line has put there."""
    return [line for line in re.split(r"\r\x1b\[K|\r\n", text) if line]


def screen(text: str) -> list[str]:
    """The lines as they stand in the end."""
    lines, column = [""], 0
    position = 0
    while position < len(text):
        if text.startswith(CLEAR, position):
            lines[-1] = lines[-1][:column]
            position += len(CLEAR)
            continue
        character = text[position]
        if character == "\n":
            lines.append("")
        elif character == "\r":
            column = 0
        else:
            lines[-1] = lines[-1][:column].ljust(column) + character + lines[-1][column + 1:]
            column += 1
        position += 1
    return lines
