"""What an agent costs that has nothing to do: resident memory, and how often it wakes up."""

from __future__ import annotations

import pathlib
import socket
import subprocess
import tempfile
import threading
import time

from harness import paths
from harness.errors import HarnessError

SETTLE_SECONDS = 5.0
WATCH_SECONDS = 30.0
GOAL_MIB = 12


class SilentServer:
    """Takes connections and says nothing, as a workflow server does that holds a question. Reading is what keeps the
    connection's window open."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.taken = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.taken.set()
            threading.Thread(target=self._drain, args=(connection,), daemon=True).start()

    @staticmethod
    def _drain(connection: socket.socket) -> None:
        # An empty SETTINGS frame and its acknowledgement: what HTTP/2 wants of a server before all else.
        connection.sendall(b"\0\0\0\4\0\0\0\0\0" + b"\0\0\0\4\1\0\0\0\0")
        while connection.recv(65536):
            pass

    def close(self) -> None:
        self._socket.close()


def measure(log: pathlib.Path) -> dict:
    server = SilentServer()
    with tempfile.TemporaryDirectory(prefix="osiekit-bench-") as work, open(log, "ab") as file:
        agent = subprocess.Popen([str(paths.program("tink-worker")), "--grpc-server", server.address, "--id", "bench",
                                  "--store", f"{work}/store", "--journal", f"{work}/journal"],
                                 stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        try:
            if not server.taken.wait(30):
                raise HarnessError("the agent did not ask the server", log=log)
            time.sleep(SETTLE_SECONDS)
            before = _switches(agent.pid)
            time.sleep(WATCH_SECONDS)
            switches = _switches(agent.pid) - before
            if agent.poll() is not None:
                raise HarnessError("the agent has ended", log=log)
            return {"resident_mib": round(_resident_kib(agent.pid) / 1024, 2), "threads": len(_tasks(agent.pid)),
                    "wakeups_per_minute": round(switches * 60 / WATCH_SECONDS, 1), "goal_mib": GOAL_MIB,
                    "ratio_to_goal": round(_resident_kib(agent.pid) / 1024 / GOAL_MIB, 3)}
        finally:
            agent.terminate()
            agent.wait()
            server.close()


def _tasks(pid: int) -> list[pathlib.Path]:
    return list(pathlib.Path(f"/proc/{pid}/task").iterdir())


def _field(path: pathlib.Path, name: str) -> int:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise HarnessError(f"{path} does not say {name}")


def _switches(pid: int) -> int:
    """A thread that sleeps gives the processor up by itself each time it was woken."""
    return sum(_field(task / "status", "voluntary_ctxt_switches") for task in _tasks(pid))


def _resident_kib(pid: int) -> int:
    return _field(pathlib.Path(f"/proc/{pid}/status"), "VmRSS")


def table(one: dict) -> list[str]:
    return ["an agent with nothing to do",
            f"  {'resident memory':<28}{one['resident_mib']:8.2f} MiB   {one['ratio_to_goal']:.2f} of the goal",
            f"  {'threads':<28}{one['threads']:8d}",
            f"  {'wake-ups a minute':<28}{one['wakeups_per_minute']:8.1f}"]
