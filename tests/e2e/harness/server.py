"""osie-server in the scenario's network, and our `tink` command against it."""

from __future__ import annotations

import json
import pathlib

from . import paths, ports
from .netns import BRIDGE, SERVER_ADDRESS, NetworkNamespace
from .processes import Service

HTTP_PORT = 7080
GRPC_PORT = 42113


class Server:
    """Start, stop, kill and start again on the same data."""

    def __init__(self, namespace: NetworkNamespace, data: pathlib.Path, osie: pathlib.Path, kernel_args: str,
                 logs: pathlib.Path, grpc_authority: str = ""):
        self.namespace = namespace
        self.log = logs / "osie-server.log"
        self._tink_log = logs / "tink.log"
        data.mkdir(parents=True, exist_ok=True)
        self._command = [str(paths.program("osie-server")), "--interface", BRIDGE, "--address", SERVER_ADDRESS,
                         "--data", str(data), "--osie", str(osie), "--http-port", str(HTTP_PORT), "--grpc-port",
                         str(GRPC_PORT), "--kernel-args", kernel_args]
        if grpc_authority:
            self._command += ["--grpc-authority", grpc_authority]
        self.service: Service | None = None

    def start(self) -> None:
        self.service = self.namespace.service("osie-server", self._command, self.log)
        ports.wait_for_http(self.namespace, f"http://{SERVER_ADDRESS}:{HTTP_PORT}/healthz", self.service)

    def kill(self) -> None:
        """As `kill -9`: whatever was acknowledged must survive it."""
        assert self.service is not None
        self.service.kill()

    def stop(self) -> None:
        if self.service is not None:
            self.service.stop()

    def tink(self, *words: str) -> str:
        """Runs the `tink` command and returns what it printed."""
        environment = f"TINK_SERVER={SERVER_ADDRESS}:{GRPC_PORT}"
        return self.namespace.run(["env", environment, str(paths.program("tink")), *words], self._tink_log)

    def tink_json(self, *words: str) -> object:
        return json.loads(self.tink(*words, "--json"))

    def events(self, workflow: str = "") -> list[dict]:
        """The events of a workflow, or all, oldest first; the command prints an array or one object a line."""
        text = self.tink("events", *([workflow] if workflow else []), "--json").strip()
        if text.startswith("["):
            return json.loads(text)
        return [json.loads(line) for line in text.splitlines() if line.strip()]
