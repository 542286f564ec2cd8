"""The other makers of an initramfs, initramfs-tools and dracut, for a kernel that need not be installed.

Both look for modules in /lib/modules of the running system and for the kernel's configuration in /boot. So they run in
a mount namespace of their own where the kernel package's files stand there."""

from __future__ import annotations

import json
import pathlib
import subprocess
import tempfile
from collections.abc import Sequence

from . import paths
from .errors import HarnessError
from .processes import run_logged

MOUNT_POINTS = (pathlib.Path("/lib/modules"), pathlib.Path("/boot"))  # a container may lack them
# $1: folder with boot/ and lib/modules/ of the kernel package, $2: its version, the rest: the command.
IN_NAMESPACE = """
set -e
mount -t tmpfs none /lib/modules
mount --bind "$1/boot" /boot
mkdir "/lib/modules/$2"
mount --bind "$1/lib/modules/$2" "/lib/modules/$2"
shift 2
start=$(date +%s.%N)
"$@" >&2
end=$(date +%s.%N)
echo "$start $end"
"""


class Kernel:
    """The files of the kernel package that an image was built from, unpacked once, below the cache folder."""

    def __init__(self, image: pathlib.Path, cache: pathlib.Path, log: pathlib.Path):
        """`image` is a folder that `osiekit build` wrote with that cache."""
        manifest = json.loads((image / "manifest.json").read_text(encoding="utf-8"))
        self.version: str = manifest["kernel"]["version"]
        package = next(one for one in manifest["packages"] if one["name"] == manifest["kernel"]["package"])
        algorithm, _, digest = package["digest"].partition(":")
        kernels = paths.cache_dir() / "kernels"
        self.folder = kernels / digest
        if self.folder.exists():
            return
        kernels.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="draft-", dir=kernels) as name:
            draft = pathlib.Path(name) / "files"
            run_logged(["dpkg-deb", "-x", str(cache / "blobs" / algorithm / digest), str(draft)], log)
            run_logged(["depmod", "-b", str(draft), self.version], log)
            try:
                draft.rename(self.folder)
            except OSError:
                if not self.folder.exists():  # somebody else was faster
                    raise

    def seconds_of(self, command: Sequence[str], log: pathlib.Path) -> float:
        """How long the command takes where this kernel's files are in place."""
        for place in MOUNT_POINTS:
            place.mkdir(exist_ok=True)
        with open(log, "ab") as file:
            file.write(f"$ {' '.join(command)}\n".encode())
            file.flush()
            done = subprocess.run(["unshare", "--mount", "bash", "-c", IN_NAMESPACE, "maker", str(self.folder),
                                   self.version, *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=file, text=True, check=False)
        words = done.stdout.split()
        if done.returncode != 0 or len(words) != 2:
            raise HarnessError(f"{command[0]} failed with exit code {done.returncode}", log=log)
        return float(words[1]) - float(words[0])

    def initramfs_tools(self, out: pathlib.Path, log: pathlib.Path, *flags: str) -> float:
        """Writes OUT; the seconds that took."""
        return self.seconds_of(["mkinitramfs", *flags, "-o", str(out), self.version], log)

    def dracut(self, out: pathlib.Path, log: pathlib.Path, *flags: str) -> float:
        return self.seconds_of(["dracut", "--force", "--no-hostonly", "--quiet", *flags, str(out), self.version], log)
