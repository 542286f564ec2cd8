"""Free TCP ports and waiting for listeners, also inside another network namespace."""

from __future__ import annotations

import time
from collections.abc import Callable

from .errors import HarnessError
from .netns import NetworkNamespace
from .processes import Service

PROBE_SCRIPT = ("import socket, sys\n"
                "made = [socket.socket() for _ in range(int(sys.argv[2]))]\n"
                "[one.bind((sys.argv[1], 0)) for one in made]\n"
                "print(*[one.getsockname()[1] for one in made])\n")
FETCH_SCRIPT = ("import sys, urllib.request\n"
                "urllib.request.urlopen(sys.argv[1], timeout=2).read()\n")


def free_ports(namespace: NetworkNamespace, address: str, count: int) -> list[int]:
    """Ports that nothing listens on at the moment, different from each other."""
    return [int(word) for word in namespace.run(["python3", "-c", PROBE_SCRIPT, address, str(count)]).split()]


def wait_for_http(namespace: NetworkNamespace, url: str, service: Service, seconds: float = 30.0) -> None:
    """Waits until the URL answers 200, or raises when the service ends or the time is over."""
    def answers() -> bool:
        try:
            namespace.run(["python3", "-c", FETCH_SCRIPT, url])
            return True
        except HarnessError:
            return False

    wait_until(answers, service, seconds, f"{service.name} does not answer at {url}")


def wait_until(ready: Callable[[], bool], service: Service, seconds: float, complaint: str) -> None:
    """Polls; raises with the service's log when it ends early or time runs out."""
    deadline = time.monotonic() + seconds
    while not ready():
        service.check()
        if time.monotonic() > deadline:
            raise HarnessError(f"{complaint} after {seconds:.0f} s", log=service.log)
        time.sleep(0.1)
