"""`osiekit build` beside initramfs-tools and dracut: times, peak memory and sizes of images for the same kernel.

The peers are told to take every module that our image has; what they lack of them all the same is part of the result,
as a peer with fewer modules has less to do."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence

from harness import paths
from harness.errors import HarnessError
from harness.initramfs_makers import Kernel
from harness.processes import output_of, run_logged

PROFILES = ("virtual", "osie")
RUNS = 5
MOST_NAMED = 5
MB = 1_000_000  # as the sizes of images are stated everywhere


def measure(log: pathlib.Path) -> dict:
    return {name: _profile(name, log) for name in PROFILES}


class Osiekit:
    """Builds one profile again and again, in a cache of its own."""

    def __init__(self, profile: pathlib.Path, work: pathlib.Path, log: pathlib.Path):
        self._profile = profile
        self._log = log
        self.cache = work / "cache"
        self.out = work / "out"
        self.peak = 0  # bytes, of the largest process of all builds

    def seconds(self, profile: pathlib.Path | None = None, epoch: int = 0, offline: bool = True) -> float:
        command = [str(paths.program("osiekit")), "build", str(profile or self._profile), "--cache", str(self.cache),
                   "--programs", str(paths.RELEASE_BIN), "--out", str(self.out), *(["--offline"] if offline else [])]
        seconds, peak = timed(command, self._log, {"SOURCE_DATE_EPOCH": str(epoch)})
        self.peak = max(self.peak, peak)
        return seconds

    def manifest(self) -> dict:
        return json.loads((self.out / "manifest.json").read_text(encoding="utf-8"))


def timed(command: Sequence[str], log: pathlib.Path, env: Mapping[str, str]) -> tuple[float, int]:
    """Seconds, and the peak resident bytes of the largest of its processes."""
    with open(log, "ab") as file:
        start = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env={**os.environ, **env})
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise HarnessError(f"{' '.join(command)} failed with exit code {child.returncode}", log=log)
    return seconds, usage.ru_maxrss * 1024


def _profile(name: str, log: pathlib.Path) -> dict:
    profile = paths.TREE / "profiles" / f"{name}.yaml"
    with tempfile.TemporaryDirectory(prefix="osiekit-bench-") as folder:
        work = pathlib.Path(folder)
        osiekit = Osiekit(profile, work, log)
        result = {"cold_s": osiekit.seconds(offline=False)}
        cold_peak = osiekit.peak
        sizes = {file: (osiekit.out / file).stat().st_size for file in ("vmlinuz", "initramfs")}
        manifest = osiekit.manifest()
        result["unchanged_s"] = min(osiekit.seconds() for _ in range(RUNS))
        result["site_file_s"] = _site_file(osiekit, profile, work)
        # Another date in every entry: the kernel stays taken apart, every segment is written and compressed anew.
        result["compressed_anew_s"] = min(osiekit.seconds(epoch=number + 1) for number in range(RUNS))
        result.update(_fetch_alone([package["name"] for package in manifest["packages"]], work, log))
        result.update(_peers(Kernel(osiekit.out, osiekit.cache, log), manifest["modules"]["included"], work, log))
        for key, peer in (("compressed_anew", "initramfs_tools"), ("compressed_anew", "dracut"),
                          ("unchanged", "initramfs_tools"), ("unchanged", "dracut"), ("cold", "fetch_alone")):
            result[f"ratio_{key}_to_{peer}"] = result[f"{key}_s"] / result[f"{peer}_s"]
        return {"kernel": manifest["kernel"]["version"], "modules": len(manifest["modules"]["included"]), **sizes,
                "together": sum(sizes.values()), "peak_memory": osiekit.peak, "peak_memory_cold": cold_peak,
                **{key: round(value, 4) if isinstance(value, float) else value for key, value in result.items()}}


def _site_file(osiekit: Osiekit, profile: pathlib.Path, work: pathlib.Path) -> float:
    """The best of some builds, each with another text in one file of the profile."""
    site = work / "site.yaml"
    times = []
    for number in range(RUNS + 1):
        site.write_text(f"extends: {profile}\nname: site\nfiles:\n  - path: /etc/motd\n    content: run {number}\n",
                        encoding="utf-8")
        times.append(osiekit.seconds(site))
    return min(times[1:])  # the first one also sees the file for the first time


def _fetch_alone(packages: Sequence[str], work: pathlib.Path, log: pathlib.Path) -> dict:
    """What apt needs to ask the mirror anew and fetch the same packages: nearly all of a cold build's time."""
    state = work / "apt"
    download = state / "download"
    for folder in (state / "lists" / "partial", state / "cache" / "archives" / "partial", download):
        folder.mkdir(parents=True)
    options = ["-q", "-o", f"Dir::State::Lists={state}/lists", "-o", f"Dir::Cache={state}/cache", "-o",
               "APT::Sandbox::User=root", "-o", "Acquire::Languages=none"]
    start = time.monotonic()
    for command in (["update"], ["download", *packages]):
        run_logged(["apt-get", *options, *command], log, cwd=download)
    return {"fetch_alone_s": time.monotonic() - start}


def _peers(kernel: Kernel, modules: Sequence[str], work: pathlib.Path, log: pathlib.Path) -> dict:
    """Each with its own settings, its compression among them, and our modules beside those that it takes by itself."""
    settings = work / "initramfs-tools"
    shutil.copytree("/etc/initramfs-tools", settings)
    (settings / "modules").write_text("".join(f"{name}\n" for name in modules), encoding="utf-8")
    images = {name: work / f"{name}.img" for name in ("initramfs_tools", "dracut")}
    result: dict = {}
    result["initramfs_tools_s"] = min(kernel.initramfs_tools(images["initramfs_tools"], log, "-d", str(settings))
                                      for _ in range(2))
    result["dracut_s"] = kernel.dracut(images["dracut"], log, "--add-drivers", " ".join(modules))
    for name, image in images.items():
        theirs = json.loads(output_of([str(paths.program("osiekit")), "inspect", "--json", str(image)]))["modules"]
        result[f"{name}_bytes"] = image.stat().st_size
        result[f"{name}_modules"] = len(theirs)
        result[f"{name}_modules_missing"] = sorted(set(modules) - set(theirs))
    return result


def table(profiles: dict) -> list[str]:
    lines = []
    for name, one in profiles.items():
        lines += [f"image build of {name}, kernel {one['kernel']}, {one['modules']} modules",
                  f"  {'cold':<28}{one['cold_s']:8.3f} s   {one['ratio_cold_to_fetch_alone']:.2f} of apt's time to "
                  f"fetch the same ({one['fetch_alone_s']:.3f} s)"]
        for text, key in (("nothing changed", "unchanged"), ("one site file changed", "site_file"),
                          ("all compressed anew", "compressed_anew")):
            lines.append(f"  {text:<28}{one[key + '_s']:8.3f} s")
        for peer in ("initramfs_tools", "dracut"):
            missing = one[f"{peer}_modules_missing"]
            lines.append(f"  {peer.replace('_', '-'):<28}{one[peer + '_s']:8.3f} s   osiekit: nothing changed "
                         f"{one[f'ratio_unchanged_to_{peer}']:.3f} of it, all anew "
                         f"{one[f'ratio_compressed_anew_to_{peer}']:.3f}")
            lines.append(f"    {one[peer + '_modules']} modules{_lacking(missing)}; {one[peer + '_bytes'] / MB:.2f} MB")
        lines += [f"  {'peak memory':<28}{one['peak_memory_cold'] / MB:8.1f} MB cold, {one['peak_memory'] / MB:.1f} MB "
                  f"at most",
                  f"  {'size':<28}{one['together'] / MB:8.2f} MB: kernel {one['vmlinuz'] / MB:.2f}, initramfs "
                  f"{one['initramfs'] / MB:.2f}"]
    return lines


def _lacking(missing: Sequence[str]) -> str:
    if not missing:
        return ""
    more = ", …" if len(missing) > MOST_NAMED else ""
    return f", lacks {len(missing)} of ours ({', '.join(missing[:MOST_NAMED])}{more})"
