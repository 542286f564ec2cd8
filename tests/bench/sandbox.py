"""From the start of a sandbox to the reaped end of /bin/true in it, beside crun, runc and bubblewrap."""

from __future__ import annotations

import pathlib
import shutil
import statistics
import tempfile

from harness import oci_bundle, paths
from harness.processes import output_of, run_logged

RUNS = 200
PEER_RUNS = 40
TRUE = "int main(void) { return 0; }\n"


def measure(log: pathlib.Path) -> dict:
    """Medians in milliseconds."""
    run_logged(["cmake", "--build", "--preset", "release", "--target", "bench_sandbox"], log, cwd=paths.TREE)
    with tempfile.TemporaryDirectory(prefix="osiekit-bench-") as name:
        work = pathlib.Path(name)
        root = work / "rootfs"
        (root / "bin").mkdir(parents=True)
        run_logged(["cc", "-O2", "-static", "-x", "c", "-o", str(root / "bin" / "true"), "-"], log, stdin=TRUE)
        result = {f"ours_{level}_ms": _ours(level, "host", root) for level in ("host", "disk", "restricted")}
        result["ours_restricted_own_network_ms"] = _ours("restricted", "none", root)
        # In a network of its own, so that the machine's stays as it is.
        result["ours_restricted_bridge_ms"] = _ours("restricted", "bridge", root, ("unshare", "--net"))
        result.update(_peers(work))
    result["ratio_host_to_crun"] = round(result["ours_host_ms"] / result["crun_ms"], 3)
    result["ratio_host_to_bubblewrap"] = round(result["ours_host_ms"] / result["bubblewrap_ms"], 3)
    result["ratio_restricted_to_crun_filtered"] = round(result["ours_restricted_ms"] / result["crun_filtered_ms"], 3)
    result["ratio_restricted_to_runc_filtered"] = round(result["ours_restricted_ms"] / result["runc_filtered_ms"], 3)
    return result


def _median(command: list[str], before: tuple[str, ...] = ()) -> float:
    text = output_of([*before, str(paths.program("bench_sandbox")), *command])
    return round(statistics.median(int(line) for line in text.split()) / 1000, 3)


def _ours(level: str, network: str, root: pathlib.Path, before: tuple[str, ...] = ()) -> float:
    return _median(["start", level, network, "bench", str(root), str(RUNS)], before)


def _peers(work: pathlib.Path) -> dict:
    root = work / "rootfs"
    plain = oci_bundle.config(oci_bundle.plan("restricted", root, ["/bin/true"]), ["/bin/true"])
    filtered = {**plain, "linux": {**plain["linux"], "seccomp": oci_bundle.docker_profile(
        plain["process"]["capabilities"]["bounding"])}}
    times = {"bubblewrap_ms": _median(["command", str(PEER_RUNS), "bwrap", "--bind", str(root), "/", "--unshare-all",
                                       "--share-net", "--proc", "/proc", "--dev", "/dev", "/bin/true"])}
    for suffix, configuration in (("", plain), ("_filtered", filtered)):
        bundle = work / ("bundle" + suffix)
        bundle.mkdir()
        shutil.copytree(root, bundle / "rootfs", symlinks=True)
        oci_bundle.write(bundle, configuration)
        # With an empty folder for its state each time it would not find its cache of compiled filters; it may keep it.
        crun = ["crun", "--root", str(work / "state"), "--cgroup-manager=disabled"]
        for name, runtime in (("crun", crun), ("runc", ["runc", "--root", str(work / "runc")])):
            times[f"{name}{suffix}_ms"] = _median(
                ["command", str(PEER_RUNS), *runtime, "run", "--bundle", str(bundle), f"bench-{name}"],
                oci_bundle.IN_CGROUP2)
    return times


def table(one: dict) -> list[str]:
    def line(text: str, value: float, note: str = "") -> str:
        return f"  {text:<28}{value:8.2f} ms{note}"

    return ["start to exit of /bin/true, medians",
            line("level host", one["ours_host_ms"], f"   {one['ratio_host_to_crun']:.2f} of crun without a filter, "
                 f"{one['ratio_host_to_bubblewrap']:.2f} of bubblewrap"),
            line("level disk", one["ours_disk_ms"]),
            line("level restricted", one["ours_restricted_ms"],
                 f"   {one['ratio_restricted_to_crun_filtered']:.2f} of crun, "
                 f"{one['ratio_restricted_to_runc_filtered']:.2f} of runc, both with Docker's filter"),
            line("  with its own network", one["ours_restricted_own_network_ms"]),
            line("  with an isolated one", one["ours_restricted_bridge_ms"], "   bridge, address translation, all removed"),
            line("crun, no filter", one["crun_ms"]), line("crun, Docker's filter", one["crun_filtered_ms"]),
            line("runc, no filter", one["runc_ms"]), line("runc, Docker's filter", one["runc_filtered_ms"]),
            line("bubblewrap", one["bubblewrap_ms"])]
