"""OCI bundles for other runtimes, made from the plan that `tink-worker sandbox --dry-run` prints, so that they are told
the same as our sandbox tells itself."""

from __future__ import annotations

import json
import pathlib
import re
import resource
from collections.abc import Sequence

from . import paths
from .errors import HarnessError
from .processes import output_of

PROFILE = pathlib.Path("/usr/share/containers/seccomp.json")
CAPABILITIES = pathlib.Path("/usr/include/linux/capability.h")
NAMESPACES = {"user": "user", "mount": "mount", "pid": "pid", "ipc": "ipc", "uts": "uts", "cgroup": "cgroup", "net": "network"}
# Before crun or runc: they refuse a machine that has cgroups of version 1 beside 2, so they see version 2 alone.
IN_CGROUP2 = ("unshare", "--mount", "--propagation", "private", "sh", "-c",
              "umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && exec \"$@\"", "sh")


def plan(level: str, root: pathlib.Path, argv: Sequence[str], *options: str) -> str:
    """What our sandbox would do."""
    return output_of([str(paths.program("tink-worker")), "sandbox", "--dry-run", "--root", str(root), "--level", level,
                      *options, "--", *argv])


def config(text: str, argv: Sequence[str]) -> dict:
    """The plan as an OCI runtime configuration."""
    lines = [line.split(None, 1) for line in text.splitlines()]
    values: dict[str, list[str]] = {}
    for line in lines:
        values.setdefault(line[0], []).append(line[1] if len(line) > 1 else "")
    mounts = [_mount(line) for line in text.splitlines() if line.startswith(("mount ", "bind "))]
    # More than this process has nobody can give; ours leaves it out by itself, others fail.
    capabilities = [name for name in values["caps"][0].split() if name in own_capabilities()]
    # More than this process may have nobody can give without CAP_SYS_RESOURCE.
    files = min(1 << 20, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    linux = {"namespaces": [{"type": NAMESPACES[name]} for name in values["own"][0].split()],
             "maskedPaths": values.get("mask", []), "readonlyPaths": values.get("ro", [])}
    users = re.fullmatch(r"0 is (\d+):(\d+) of the machine, (\d+) of them", values.get("users", [""])[0])
    if users:
        for name, first in (("uidMappings", users[1]), ("gidMappings", users[2])):
            linux[name] = [{"containerID": 0, "hostID": int(first), "size": int(users[3])}]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False, "user": {"uid": 0, "gid": 0, "umask": 0o022}, "args": list(argv), "cwd": "/",
            "env": ["PATH=/bin"],
            # Inheritable and ambient stay empty.
            "capabilities": {kind: capabilities for kind in ("bounding", "effective", "permitted")},
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": files, "soft": min(files, 1024)},
                        {"type": "RLIMIT_CORE", "hard": 0, "soft": 0}],
            "noNewPrivileges": values["privs"][0] == "no new ones"},
        "root": {"path": "rootfs", "readonly": False},
        "hostname": "parity",
        "mounts": mounts,
        "linux": linux,
    }


def own_capabilities() -> set[str]:
    """What this process may have at most."""
    status = pathlib.Path("/proc/self/status").read_text(encoding="utf-8")
    bits = int(re.search(r"^CapPrm:\s*([0-9a-f]+)", status, re.MULTILINE)[1], 16)
    numbers = re.findall(r"^#define (CAP_\w+)\s+(\d+)$", CAPABILITIES.read_text(encoding="utf-8"), re.MULTILINE)
    return {name for name, number in numbers if bits >> int(number) & 1}


def _mount(line: str) -> dict:
    match = re.fullmatch(r"(mount|bind) +(\S+) on (\S+) \((.*)\)", line)
    if not match:
        raise HarnessError(f"cannot read the plan's line “{line}”")
    kind, source, target, options = match.groups()
    words = options.split(",")
    if kind == "bind":
        words = ["rbind" if "recursive" in words else "bind", *(word for word in words if word != "recursive")]
        return {"destination": target, "type": "bind", "source": source, "options": words}
    # The runtime's own word for the cgroup file system, of whichever version.
    return {"destination": target, "type": "cgroup" if source == "cgroup2" else source, "source": source, "options": words}


def docker_profile(capabilities: Sequence[str]) -> dict:
    """The default system call profile of Docker's kind that Debian packages, for the runtime's three x86 machines."""
    profile = json.loads(PROFILE.read_text(encoding="utf-8"))
    rules = []
    for rule in profile["syscalls"]:
        includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
        if includes.get("arches") and "amd64" not in includes["arches"]:
            continue
        if not set(includes.get("caps", [])) <= set(capabilities) or set(excludes.get("caps", [])) & set(capabilities):
            continue
        rules.append({key: rule[key] for key in ("names", "action", "args", "errnoRet") if rule.get(key) is not None})
    return {"defaultAction": profile["defaultAction"], "defaultErrnoRet": profile["defaultErrnoRet"],
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": rules}


def write(folder: pathlib.Path, configuration: dict) -> None:
    (folder / "config.json").write_text(json.dumps(configuration), encoding="utf-8")
