"""Pulling and unpacking one large gzip layer from a local registry, beside skopeo and umoci, into memory; and beside the
work that nobody gets around: zlib's decompression and both digests, of a file, with nothing written."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from harness import paths
from harness.errors import HarnessError
from harness.image_makers import ImageMaker
from harness.report import MIB
from harness.token_registry import LocalRegistry

# Files of this machine, so many bytes of them that the layer has about 800 MB.
SOURCES = ("/usr/lib", "/usr/share")
LAYER_BYTES = 1960 * MIB
GOAL_RATIO, GOAL_MIB = 0.2, 32
WATCH_SECONDS = 0.02
# With the libraries that tink-worker has as well: Debian's zlib and OpenSSL.
FLOOR = """import hashlib, sys, zlib
inflater, packed, unpacked = zlib.decompressobj(31), hashlib.sha256(), hashlib.sha256()
with open(sys.argv[1], "rb") as file:
    while piece := file.read(1 << 16):
        packed.update(piece)
        unpacked.update(inflater.decompress(piece))
"""


def measure(log: pathlib.Path) -> dict:
    memory = pathlib.Path("/dev/shm")
    services: list = []
    with tempfile.TemporaryDirectory(prefix="bench-pull") as on_disk, \
            tempfile.TemporaryDirectory(prefix="bench-pull", dir=memory) as in_memory:
        folder, target = pathlib.Path(on_disk), pathlib.Path(in_memory)
        try:
            layout, unpacked = _image(folder, log)
            registry = LocalRegistry(services, folder / "registry", log.with_name("pull-registry.log"))
            image = f"{registry.address}/bench/large:1"
            registry.push(layout, image, log)
            layer = max((layout / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
            packed = layer.stat().st_size
            ours = _timed([str(paths.program("tink-worker")), "pull", "--store", str(target / "ours"),
                           "--insecure-registries", registry.address, image], log)
            shutil.rmtree(target / "ours")
            skopeo = _timed(["skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false",
                             f"docker://{image}", f"oci:{target}/copy:1"], log)
            floor = _timed([sys.executable, "-c", FLOOR, str(layer)], log)
            umoci = _timed(["umoci", "unpack", "--image", f"{target}/copy:1", str(target / "bundle")], log)
        finally:
            for service in services:
                service.stop()
    peers = skopeo["seconds"] + umoci["seconds"]
    return {"layer_bytes": packed, "unpacked_bytes": unpacked, "ours": ours, "skopeo": skopeo, "umoci": umoci,
            "floor": floor, "ratio": round(ours["seconds"] / peers, 3),
            "ratio_to_floor": round(ours["seconds"] / floor["seconds"], 3), "bytes_per_second": round(unpacked / ours["seconds"])}


def _image(folder: pathlib.Path, log: pathlib.Path) -> tuple[pathlib.Path, int]:
    files = folder / "files"
    files.mkdir()
    size = 0
    for number, source in enumerate(SOURCES):
        for path in sorted(pathlib.Path(source).rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            target = files / str(number) / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
            size += path.stat().st_size
            if size >= LAYER_BYTES:
                break
        if size >= LAYER_BYTES:
            break
    maker = ImageMaker(folder / "made", log)
    layout = maker.by_umoci("large", files)
    shutil.rmtree(files)
    return layout, size


def _timed(command: list[str], log: pathlib.Path) -> dict:
    """Seconds on the clock and on the processors, and the most memory that was resident. wait4 says how much this
    program had when it forked, if that was more, so the kernel's high water mark of the child is watched."""
    with open(log, "ab") as file:
        begin = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        peak, status, usage = 0.0, 0, None
        while usage is None:
            peak = max(peak, _high_water_mib(child.pid))
            pid, status, found = os.wait4(child.pid, os.WNOHANG)
            if pid != 0:
                usage = found
            else:
                time.sleep(WATCH_SECONDS)
        seconds = time.monotonic() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise HarnessError(f"{command[0]} failed with exit code {child.returncode}", log=log)
    return {"seconds": round(seconds, 2), "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
            "peak_mib": round(peak, 1)}


def _high_water_mib(pid: int) -> float:
    """0 before the program is there and after its end."""
    try:
        if os.readlink(f"/proc/{pid}/exe") == os.readlink("/proc/self/exe"):
            return 0
        match = re.search(r"^VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return 0
    return int(match.group(1)) / 1024 if match else 0


def table(results: dict) -> list[str]:
    lines = [f"pull and unpack a gzip layer of {results['layer_bytes'] / MIB:.0f} MiB, "
             f"{results['unpacked_bytes'] / MIB:.0f} MiB unpacked"]
    for name in ("ours", "skopeo", "umoci", "floor"):
        one = results[name]
        # What Python itself has resident says nothing of the floor.
        memory = f"   {one['peak_mib']:7.1f} MiB" if name != "floor" else ""
        lines.append(f"  {name:26}  {one['seconds']:8.2f} s   {one['cpu_seconds']:7.2f} s of processors{memory}")
    lines.append(f"  ours to skopeo and umoci    {results['ratio']:8.3f}   (goal {GOAL_RATIO}, and {GOAL_MIB} MiB)")
    lines.append(f"  ours to the floor           {results['ratio_to_floor']:8.3f}   (zlib and both digests in one thread)")
    return lines
