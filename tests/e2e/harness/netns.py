"""A network of its own for the scenario: a namespace with a bridge, and a tap device for the machine.

Nothing of it is visible outside, so that DHCP on port 67 disturbs nobody and fixed addresses collide with nothing.
All devices live inside the namespace; deleting it removes them."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
from collections.abc import Mapping, Sequence

from .errors import HarnessError
from .processes import Service, output_of

NAME_PREFIX = "osiekit"
BRIDGE = "br0"
TAP = "tap0"
SERVER_ADDRESS = "192.168.77.1"
NETMASK = "255.255.255.0"
PREFIX_LENGTH = 24
_counter = 0


class NetworkNamespace:
    """Context manager; the name holds our process id, so that leftovers of a killed run can be recognised."""

    def __init__(self, log: pathlib.Path):
        global _counter
        _counter += 1
        self.name = f"{NAME_PREFIX}-{os.getpid()}-{_counter}"
        self.log = log

    def __enter__(self) -> NetworkNamespace:
        if os.geteuid() != 0:
            raise HarnessError("cannot make a network namespace: this needs root", hint="run as root or through sudo")
        remove_leftovers()
        output_of(["ip", "netns", "add", self.name], self.log)
        try:
            for command in ("link set lo up", f"link add {BRIDGE} type bridge forward_delay 0",
                            f"addr add {SERVER_ADDRESS}/{PREFIX_LENGTH} dev {BRIDGE}", f"link set {BRIDGE} up",
                            f"tuntap add dev {TAP} mode tap", f"link set {TAP} master {BRIDGE}", f"link set {TAP} up"):
                output_of(["ip", "-n", self.name, *command.split()], self.log)
        except BaseException:
            self._delete()
            raise
        return self

    def __exit__(self, *unused: object) -> None:
        self._delete()

    def _delete(self) -> None:
        for pid in self.pids():
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        subprocess.run(["ip", "netns", "del", self.name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)

    def pids(self) -> list[int]:
        """The processes inside: all of them are ours."""
        done = subprocess.run(["ip", "netns", "pids", self.name], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False)
        return [int(word) for word in done.stdout.split()]

    def command(self, words: Sequence[str]) -> list[str]:
        """The command line that runs these words inside the namespace."""
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, words: Sequence[str], log: pathlib.Path | None = None) -> str:
        return output_of(self.command(words), log)

    def service(self, name: str, words: Sequence[str], log: pathlib.Path, env: Mapping[str, str] | None = None,
                cwd: pathlib.Path | None = None) -> Service:
        return Service(name, self.command(words), log, env, cwd)


def remove_leftovers() -> list[str]:
    """Deletes the namespaces of runs whose process is gone (killed with -9, or the power failed)."""
    listing = subprocess.run(["ip", "netns", "list"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             check=False).stdout
    removed = []
    for line in listing.splitlines():
        match = re.match(rf"({NAME_PREFIX}-(\d+)-\d+)\b", line)
        if match and not pathlib.Path("/proc", match.group(2)).exists():
            subprocess.run(["ip", "netns", "del", match.group(1)], stdin=subprocess.DEVNULL, check=False)
            removed.append(match.group(1))
    return removed
