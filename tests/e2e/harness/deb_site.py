"""A profile with a kernel and three packages of a repository of its own, and builds of it that are held against the
first one."""

from __future__ import annotations

import hashlib
import json
import pathlib
import re
import subprocess
from typing import TYPE_CHECKING, Any

from . import deb_repository, paths
from .deb_repository import Package, noise

if TYPE_CHECKING:
    from .testing import Context

LIMIT_SECONDS = 300.0  # against waiting for ever; nothing is judged by it
OUTPUTS = ("vmlinuz", "initramfs", "manifest.json")
MEBIBYTE = 1 << 20
PROFILE = f"""name: site
arch: amd64
kernel: {{package: {deb_repository.KERNEL}}}
modules: {{load: [low]}}
packages: [alpha, beta, gamma]
programs: {{osie-init: /init}}
init: {{services: [{{name: alpha, command: [/srv/alpha]}}]}}
files: [{{path: /etc/motd, content: "welcome\\n"}}]
"""
PENDING = re.compile(r"\.partial\.[^.]{6}$")


class Site:
    def __init__(self, context: Context, folder: pathlib.Path):
        self.context = context
        self.folder = folder
        packages = [Package(name, "1.0", {f"srv/{name}": b"#!/srv/alpha\n" + noise(name, size)})
                    for name, size in (("alpha", MEBIBYTE // 2), ("beta", MEBIBYTE), ("gamma", MEBIBYTE))]
        packages[0].files["srv/alpha"] = paths.program("osie-init").read_bytes()
        kernel = deb_repository.kernel_package(folder, 2 * MEBIBYTE)
        self.repository = deb_repository.Repository(folder, [kernel, *packages])
        self.server = deb_repository.Server(self.repository.mirror)
        self.repository.use(self.server.url)
        self.profile = folder / "site.yaml"
        self.profile.write_text(PROFILE, encoding="utf-8")
        self.expected: dict[str, bytes] = {}

    def digest(self, name: str) -> str:
        """Of a package, as the cache has it for a name."""
        deb = next((self.repository.mirror / "pool").glob(f"{name}_*.deb"))
        return hashlib.sha256(deb.read_bytes()).hexdigest()

    def command(self, cache: pathlib.Path, out: pathlib.Path, *flags: str) -> list[str]:
        return self.repository.command("build", str(self.profile), "--cache", str(cache), "--out", str(out),
                                       "--programs", str(paths.RELEASE_BIN), *flags)

    def start(self, cache: pathlib.Path, out: pathlib.Path, *flags: str) -> subprocess.Popen[str]:
        return subprocess.Popen(self.command(cache, out, *flags), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True, env=deb_repository.environment())

    def build(self, cache: pathlib.Path, out: pathlib.Path, *flags: str, **more: str) -> None:
        """A build that has to succeed, with the bytes of the first one; `more` are environment variables."""
        done = self.run(self.command(cache, out, *flags), **more)
        self.context.equal(done.returncode, 0, f"the exit code of a build ({done.stderr.strip()[-500:]})")
        found = {name: (out / name).read_bytes() for name in OUTPUTS}
        self.expected = self.expected or found
        for name in OUTPUTS:
            self.context.check(found[name] == self.expected[name], f"{name} in {out} has the bytes of the first build")

    def run(self, command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              timeout=LIMIT_SECONDS, env={**deb_repository.environment(), **more})

    def cache(self, word: str, cache: pathlib.Path, *flags: str) -> tuple[Any, int]:
        done = subprocess.run([str(paths.program("osiekit")), "cache", word, "--cache", str(cache), "--json", *flags],
                              capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)
        self.context.check(done.returncode in (0, 1) and done.stdout, f"osiekit cache {word} works: {done.stderr}")
        return json.loads(done.stdout), done.returncode

    def check_cache(self, cache: pathlib.Path) -> None:
        """Nothing is damaged, and nothing of dead builds lies about."""
        found, code = self.cache("verify", cache)
        self.context.equal(found["damaged"], [], "what is damaged in the cache")
        self.context.equal(code, 0, "the exit code of cache verify")
        self.context.equal(pending(cache), [], "the pieces of dead builds")


def pending(folder: pathlib.Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*") if PENDING.search(path.name))
