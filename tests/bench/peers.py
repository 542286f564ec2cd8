"""The peers of `osiekit build`: initramfs-tools and dracut, making an initramfs for the same kernel.

Both look for modules in /lib/modules of the running system. So that nothing needs to be installed, they run in a mount
namespace of their own where the kernel package's files stand there."""

from __future__ import annotations

import pathlib
import re
import subprocess
import time
from collections.abc import Sequence

from harness import paths
from harness.errors import HarnessError
from harness.processes import output_of, run_logged

MOUNT_POINTS = (pathlib.Path("/lib/modules"), pathlib.Path("/boot"))  # a container may lack them
# $1: folder with boot/ and lib/modules/ of the kernel package, $2: its version, the rest: the command.
IN_NAMESPACE = """
set -e
mount -t tmpfs none /lib/modules
mount -t tmpfs none /boot
cp -a "$1/boot/." /boot/
cp -a "$1/lib/modules/$2" /lib/modules/
depmod "$2"
shift 2
start=$(date +%s.%N)
"$@" >&2
end=$(date +%s.%N)
echo "$start $end"
"""


def kernel_version(vmlinuz: pathlib.Path) -> str:
    """The release that a kernel image says it is."""
    text = output_of(["file", "-bL", str(vmlinuz)])
    match = re.search(r"version (\S+)", text)
    if not match:
        raise HarnessError(f"{vmlinuz} does not look like a kernel: {text.strip()}")
    return match.group(1)


def kernel_files(version: str, log: pathlib.Path) -> pathlib.Path:
    """The kernel package's files, downloaded and unpacked once, below the cache folder."""
    folder = paths.cache_dir() / "bench" / version
    if (folder / "done").exists():
        return folder
    package = f"linux-image-{version}"
    download = folder / "download"
    download.mkdir(parents=True, exist_ok=True)
    run_logged(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package], log, cwd=download)
    for deb in download.glob("*.deb"):
        run_logged(["dpkg-deb", "-x", str(deb), str(folder)], log)
        deb.unlink()
    (folder / "done").touch()
    return folder


def seconds_of(folder: pathlib.Path, version: str, command: Sequence[str], log: pathlib.Path) -> float:
    """How long the command takes where that kernel's files are in place."""
    for place in MOUNT_POINTS:
        place.mkdir(exist_ok=True)
    with open(log, "ab") as file:
        done = subprocess.run(["unshare", "--mount", "bash", "-c", IN_NAMESPACE, "peer", str(folder), version, *command],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=file, text=True, check=False)
    words = done.stdout.split()
    if done.returncode != 0 or len(words) != 2:
        raise HarnessError(f"{command[0]} failed with exit code {done.returncode}", log=log)
    return float(words[1]) - float(words[0])


def initramfs_tools(folder: pathlib.Path, version: str, out: pathlib.Path, log: pathlib.Path) -> float:
    return seconds_of(folder, version, ["mkinitramfs", "-o", str(out / "initramfs-tools.img"), version], log)


def dracut(folder: pathlib.Path, version: str, out: pathlib.Path, log: pathlib.Path) -> float:
    return seconds_of(folder, version, ["dracut", "--force", "--no-hostonly", "--quiet", str(out / "dracut.img"),
                                        version], log)


def timed(command: Sequence[str], log: pathlib.Path) -> float:
    start = time.monotonic()
    run_logged(command, log)
    return time.monotonic() - start
