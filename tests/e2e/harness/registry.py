"""A real OCI registry: Debian's docker-registry on a free port, and our action images pushed into it."""

from __future__ import annotations

import pathlib
import shutil

from . import paths, ports
from .netns import SERVER_ADDRESS, NetworkNamespace
from .processes import Service, run_logged

CONFIG = """version: 0.1
log: {{level: info}}
storage:
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: false}}
http:
  addr: {address}
  headers: {{X-Content-Type-Options: [nosniff]}}
"""
TAG = "demo"


class Registry:
    """A running registry; `address` is what image names start with."""

    def __init__(self, namespace: NetworkNamespace, folder: pathlib.Path, logs: pathlib.Path):
        self.namespace = namespace
        port = ports.free_ports(namespace, SERVER_ADDRESS, 1)[0]
        self.address = f"{SERVER_ADDRESS}:{port}"
        self.log = logs / "registry.log"
        self._push_log = logs / "registry-push.log"
        config = folder / "registry.yml"
        config.write_text(CONFIG.format(root=folder / "registry", address=self.address), encoding="utf-8")
        self.service: Service = namespace.service("docker-registry", ["docker-registry", "serve", str(config)],
                                                  self.log)

    def wait(self) -> None:
        ports.wait_for_http(self.namespace, f"http://{self.address}/v2/", self.service)

    def push(self, layout: pathlib.Path, name: str) -> dict:
        """Copies an OCI layout into the registry; returns its names by tag and by digest."""
        reference = f"{self.address}/{name}"
        run_logged(self.namespace.command(["skopeo", "--insecure-policy", "copy", "--quiet",
                                           "--dest-tls-verify=false", f"oci:{layout}", f"docker://{reference}:{TAG}"]),
                   self._push_log)
        digest = self.namespace.run(["skopeo", "--insecure-policy", "inspect", "--tls-verify=false", "--format",
                                     "{{.Digest}}", f"docker://{reference}:{TAG}"], self._push_log).strip()
        return {"tag": f"{reference}:{TAG}", "digest": f"{reference}@{digest}"}

    def stop(self) -> None:
        self.service.stop()


def build_action(name: str, layout: pathlib.Path, log: pathlib.Path) -> int:
    """Makes images/NAME into an OCI layout with our own program; returns the layout's size in bytes."""
    shutil.rmtree(layout, ignore_errors=True)
    layout.parent.mkdir(parents=True, exist_ok=True)
    run_logged([str(paths.program("osiekit")), "action", "build", str(paths.TREE / "images" / name), "--out",
                str(layout), "--programs", str(paths.RELEASE_BIN)], log)
    return sum(path.stat().st_size for path in layout.rglob("*") if path.is_file())
