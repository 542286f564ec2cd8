"""A network of its own for the scenario: a namespace with a bridge, and a tap device for the machine.

Nothing of it is visible outside, so that DHCP on port 67 disturbs nobody and fixed addresses collide with nothing.
The namespace has no name and no file: it lives as long as the process that holds it, which dies with us. So nothing
can be left behind, and no mount is needed, which a chroot may not allow."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import time
from collections.abc import Mapping, Sequence

from .errors import HarnessError
from .processes import Service, output_of

BRIDGE = "br0"
TAP = "tap0"
SERVER_ADDRESS = "192.168.77.1"
PREFIX_LENGTH = 24
UNSHARE_SECONDS = 5.0


class NetworkNamespace:
    """Context manager. Leaving it ends every process that still runs inside."""

    def __init__(self, log: pathlib.Path):
        self.log = log

    def __enter__(self) -> NetworkNamespace:
        if os.geteuid() != 0:
            raise HarnessError("cannot make a network namespace: this needs root", hint="run as root or through sudo")
        self._holder = Service("the network namespace", ["unshare", "--net", "sleep", "infinity"], self.log)
        try:
            self._wait_for_holder()
            for command in ("link set lo up", f"link add {BRIDGE} type bridge forward_delay 0",
                            f"addr add {SERVER_ADDRESS}/{PREFIX_LENGTH} dev {BRIDGE}", f"link set {BRIDGE} up",
                            f"tuntap add dev {TAP} mode tap", f"link set {TAP} master {BRIDGE}", f"link set {TAP} up"):
                self.run(["ip", *command.split()], self.log)
        except BaseException:
            self._delete()
            raise
        return self

    def __exit__(self, *unused: object) -> None:
        self._delete()

    def _wait_for_holder(self) -> None:
        """Until the holder has left our own namespace."""
        deadline = time.monotonic() + UNSHARE_SECONDS
        while _identity(self._holder.process.pid) in (None, _identity(os.getpid())):
            self._holder.check()
            if time.monotonic() > deadline:
                raise HarnessError("cannot make a network namespace", hint="a container needs CAP_SYS_ADMIN and "
                                   "CAP_NET_ADMIN for it", log=self.log)
            time.sleep(0.01)

    def _delete(self) -> None:
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._holder.stop()

    def pids(self) -> list[int]:
        """The processes inside: all of them are ours."""
        inside = _identity(self._holder.process.pid)
        if inside is None or inside == _identity(os.getpid()):
            return []
        candidates = [int(path.name) for path in pathlib.Path("/proc").iterdir() if path.name.isdecimal()]
        return [pid for pid in candidates if _identity(pid) == inside]

    def command(self, words: Sequence[str]) -> list[str]:
        """The command line that runs these words inside the namespace."""
        return ["nsenter", f"--net=/proc/{self._holder.process.pid}/ns/net", "--", *words]

    def run(self, words: Sequence[str], log: pathlib.Path | None = None) -> str:
        return output_of(self.command(words), log)

    def service(self, name: str, words: Sequence[str], log: pathlib.Path, env: Mapping[str, str] | None = None,
                cwd: pathlib.Path | None = None) -> Service:
        return Service(name, self.command(words), log, env, cwd)


def _identity(pid: int) -> str | None:
    """Which network namespace a process is in; None when it is gone (or a zombie)."""
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return None
