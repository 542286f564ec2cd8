"""Makes a small signed repository of Debian packages, serves it on loopback, and runs osiekit with an apt
configuration that knows nothing else."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.server
import os
import pathlib
import random
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Sequence

from . import paths
from .errors import HarnessError
from .processes import output_of

SUITE = "test"
AGENT_SECONDS = 60.0
CHUNK = 256 * 1024
KERNEL = "linux-image-test"
RELEASE = "6.1-test"
STEADY = {"SOURCE_DATE_EPOCH": "1700000000", "LC_ALL": "C"}


@dataclasses.dataclass
class Package:
    name: str
    version: str
    files: dict[str, bytes]
    depends: str = ""


def noise(seed: str, size: int) -> bytes:
    """Bytes that do not compress, the same for the same seed."""
    return random.Random(seed).randbytes(size)


def kernel_package(folder: pathlib.Path, size: int) -> Package:
    """What the builder wants of a kernel: an image, a configuration, and a module."""
    source = folder / "modinfo"
    source.write_bytes(b"license=GPL\0depends=\0alias=virtio:d1v*\0name=low\0")
    module = folder / "low.ko"
    output_of(["objcopy", "-I", "binary", "-O", "elf64-x86-64", "--rename-section", ".data=.modinfo", str(source),
               str(module)])
    modules = f"lib/modules/{RELEASE}"
    return Package(KERNEL, "6.1-1", {
        f"boot/vmlinuz-{RELEASE}": noise("kernel", size), f"boot/config-{RELEASE}": b"CONFIG_RD_ZSTD=y\n",
        f"{modules}/modules.builtin": b"", f"{modules}/modules.order": b"kernel/low.ko\n",
        f"{modules}/kernel/low.ko": module.read_bytes()})


class Repository:
    """FOLDER/mirror with dists and pool, FOLDER/apt as /etc/apt would be for it."""

    def __init__(self, folder: pathlib.Path, packages: list[Package]):
        self.folder = folder
        self.mirror = folder / "mirror"
        self.apt = folder / "apt"
        self._home = folder / "gpg"
        self._home.mkdir(mode=0o700)
        (self.apt / "sources.list.d").mkdir(parents=True)
        self._index = b""
        self.add(packages)
        with self._agent():
            self._gpg("--passphrase", "", "--quick-gen-key", "test@test.example", "ed25519", "sign", "never")
            (self.apt / "test.gpg").write_bytes(self._gpg("--export"))
        self.publish()

    @contextlib.contextmanager
    def _agent(self):
        """gpg starts one, which does not end by itself. While it ends, the next gpg would still find it."""
        try:
            yield
        finally:
            subprocess.run(["gpgconf", "--homedir", str(self._home), "--kill", "gpg-agent"], check=True)
            there = ["gpgconf", "--homedir", str(self._home), "--list-dirs", "agent-socket"]
            socket, deadline = pathlib.Path(output_of(there).strip()), time.monotonic() + AGENT_SECONDS
            while socket.exists():
                if time.monotonic() > deadline:
                    raise HarnessError("gpg-agent does not end")
                time.sleep(0.01)

    def _gpg(self, *words: str) -> bytes:
        done = subprocess.run(["gpg", "--homedir", str(self._home), "--batch", "--quiet", "--no-tty",
                               "--pinentry-mode", "loopback", *words], check=False, capture_output=True)
        if done.returncode != 0:
            raise HarnessError(f"gpg {words[-1]}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    def _add(self, package: Package) -> str:
        """Builds the package into the pool; its stanza for the index."""
        root = self.folder / "root"
        shutil.rmtree(root, ignore_errors=True)
        control = (f"Package: {package.name}\nVersion: {package.version}\nArchitecture: amd64\n"
                   "Maintainer: Nobody <nobody@test.example>\n"
                   + (f"Depends: {package.depends}\n" if package.depends else "") + "Description: for a test\n")
        for path, content in {"DEBIAN/control": control.encode(), **package.files}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        location = f"pool/{package.name}_{package.version}_amd64.deb"
        deb = self.mirror / location
        deb.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(root), str(deb)], check=True,
                       stdout=subprocess.DEVNULL, env={**os.environ, **STEADY})
        data = deb.read_bytes()
        return (f"{control}Filename: {location}\nSize: {len(data)}\n"
                f"SHA256: {hashlib.sha256(data).hexdigest()}\n\n")

    def add(self, packages: list[Package]) -> None:
        """More packages, to be published."""
        self._index += "".join(self._add(package) for package in packages).encode()

    def publish(self, more: str = "") -> None:
        """Writes and signs the release; `more` are further fields of it, each with its end of line."""
        index = self._index
        dist = self.mirror / "dists" / SUITE
        (dist / "main" / "binary-amd64").mkdir(parents=True, exist_ok=True)
        (dist / "main" / "binary-amd64" / "Packages").write_bytes(index)
        release = self.folder / "Release"
        release.write_text(f"Suite: {SUITE}\nCodename: {SUITE}\nDate: Tue, 14 Nov 2023 22:13:20 UTC\n{more}"
                           "Architectures: amd64\nComponents: main\nSHA256:\n"
                           f" {hashlib.sha256(index).hexdigest()} {len(index)} main/binary-amd64/Packages\n",
                           encoding="utf-8")
        with self._agent():
            self._gpg("--passphrase", "", "--yes", "--clearsign", "--output", str(dist / "InRelease"), str(release))

    def use(self, url: str) -> None:
        (self.apt / "sources.list.d" / "test.sources").write_text(
            f"Types: deb\nURIs: {url}\nSuites: {SUITE}\nComponents: main\nSigned-By: /etc/apt/test.gpg\n",
            encoding="utf-8")

    def command(self, *words: str, before: Sequence[str] = (), program: pathlib.Path | None = None) -> list[str]:
        """osiekit with these words, where /etc/apt is this repository's and the system is of its suite. `before` are the
        words of a command that runs it, `program` another copy of it."""
        release = self.folder / "os-release"
        release.write_text(f"VERSION_CODENAME={SUITE}\n", encoding="utf-8")
        script = 'mount --bind "$1" /etc/apt && mount --bind "$2" /etc/os-release && shift 2 && exec "$@"'
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", str(self.apt),
                str(release), *before, str(program or paths.program("osiekit")), *words]


def environment() -> dict[str, str]:
    """Ours without proxies: the repository is on loopback."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


Fault = Callable[[http.server.BaseHTTPRequestHandler, bytes], None]


class Server:
    """The repository over HTTP with byte ranges. `moved` is called with the path before each chunk of a body, from
    the thread that answers: it may count, kill, or wait. A fault, a pair of a part of the path and a function, answers
    the next request for such a path itself, with what the file has, and is gone."""

    def __init__(self, folder: pathlib.Path):
        self.moved: Callable[[str], None] = lambda path: None
        self.faults: list[tuple[str, Fault]] = []
        self.requests: list[str] = []
        self.ranges: list[str] = []  # of each request, empty if it had none
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"owner": self, "folder": folder})
        self._server = _QuietServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def count(self, part: str) -> int:
        return sum(part in path for path in self.requests)

    def take_fault(self, path: str) -> Fault | None:
        with self._lock:
            for pair in self.faults:
                if pair[0] in path:
                    self.faults.remove(pair)
                    return pair[1]
        return None

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is what the tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Server
    folder: pathlib.Path

    def log_message(self, *words: object) -> None:
        pass

    def do_GET(self) -> None:  # noqa: N802 (the name is http.server's)
        self.owner.requests.append(self.path)
        self.owner.ranges.append(self.headers.get("Range", ""))
        file = self.folder / self.path.lstrip("/")
        fault = self.owner.take_fault(self.path)
        if fault is not None:
            self.close_connection = True
            fault(self, file.read_bytes())
            return
        if not file.is_file():
            self.send_error(404)
            return
        data = file.read_bytes()
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(match.group(1)) if match else 0
        self.send_response(206 if match else 200)
        if match:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        try:
            for at in range(first, len(data), CHUNK):
                self.owner.moved(self.path)
                self.wfile.write(data[at:at + CHUNK])
        except OSError:
            self.close_connection = True  # the client was killed
