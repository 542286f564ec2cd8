"""The same program with the same configuration in our sandbox and in crun's container sees the same: namespaces,
mounts, capabilities, limits, descriptors, signals. What differs on purpose is in DIFFERENCES, with the reason."""

import os
import pathlib
import re
import shutil
import tempfile

from harness import oci_bundle, paths
from harness.processes import output_of, run_logged

LEVELS = ("restricted", "disk", "kexec", "host")
PROBE = paths.TREE / "tests" / "unit" / "sandbox" / "probe.c"
STATUS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Uid", "Gid", "Groups", "Umask", "SigIgn",
          "SigBlk")
FIRST_USER = 1 << 20  # of the machine, who stands for root inside
STRICTER = {"nodev", "noexec", "nosuid"}


def stricter(ours, theirs):
    """The same mount, ours with more of the flags that take something away."""
    return ours and theirs and ours[0] == theirs[0] and set(theirs[1]) < set(ours[1]) and \
        set(ours[1]) - set(theirs[1]) <= STRICTER


# What may differ: the fact's name, at which levels, how, and why. Each has to be seen, or it is stale.
DIFFERENCES = (
    (r"status Seccomp", LEVELS, lambda ours, theirs: (ours, theirs) == ("2", "0"),
     "our call filter is always there; the configuration gives crun none"),
    (r"env HOME=/", LEVELS, lambda ours, theirs: (ours, theirs) == (None, "there"),
     "crun adds HOME; of ours the agent does, which knows the image's user database"),
    (r"mount /", ("restricted",), stricter,
     "device nodes and setuid programs of an image have no effect at this level"),
    (r"idmapped /", ("restricted",), lambda ours, theirs: (ours, theirs) == ("there", None),
     "a tree of the machine's root is shown as that of the mapped users; crun needs one that belongs to them"),
    (r"mount /(proc|sys)/.*", ("restricted", "disk", "kexec"), stricter,
     "hidden and read-only parts keep the flags of what they are parts of; crun drops them"),
)


def run(context):
    log = context.out / "build.log"
    bundle = context.out / "bundle"
    root = bundle / "rootfs"
    root.mkdir(parents=True)
    run_logged(["cc", "-O1", "-static", "-o", str(root / "probe"), str(PROBE)], log)
    compared = 0
    seen = set()
    for level in LEVELS:
        for network in ("host", "none"):
            compared += compare(context, bundle, root, level, ["--network", network], seen)
    # For crun the tree has to belong to the mapped users, and they enter the bundle; ours takes the tree as it is.
    with tempfile.TemporaryDirectory(prefix="osiekit-parity-") as name:
        mapped = pathlib.Path(name)
        shutil.copytree(root, mapped / "rootfs")
        for path in (mapped, mapped / "rootfs", mapped / "rootfs/probe"):
            os.chown(path, FIRST_USER, FIRST_USER)
        for network in ("host", "none"):
            compared += compare(context, mapped, root, "restricted", ["--network", network, "--userns"], seen)
    for difference in DIFFERENCES:
        context.check(difference[0] in seen, f"the difference is still one: {difference[0]}: {difference[3]}")
    context.check(compared > 10 * 40, f"enough was compared: {compared} facts")


def compare(context, bundle, root, level, kind, seen):
    options = [*kind, "--env", "PATH=/bin"]
    argv = ["/probe", "report"]
    configuration = oci_bundle.config(oci_bundle.plan(level, root, argv, *options), argv)
    # The machine's name, as our sandbox keeps it where none is asked for.
    configuration["hostname"] = os.uname().nodename
    oci_bundle.write(bundle, configuration)
    log = context.out / f"{level}-{'-'.join(word.strip('-') for word in kind)}.log"
    ours = facts(output_of([*oci_bundle.IN_CGROUP2, str(paths.program("tink-worker")), "sandbox", "--root", str(root),
                            "--level", level, *options, "--", *argv], log))
    theirs = facts(output_of([*oci_bundle.IN_CGROUP2, "crun", "--root", str(context.out / "state"),
                              "--cgroup-manager=disabled", "run", "--bundle", str(bundle), "parity"], log))
    wrong = []
    for name in sorted(ours.keys() | theirs.keys()):
        pair = (ours.get(name), theirs.get(name))
        if pair[0] == pair[1]:
            continue
        excuse = next((one for one in DIFFERENCES if re.fullmatch(one[0], name) and level in one[1] and one[2](*pair)),
                      None)
        if excuse:
            seen.add(excuse[0])
        else:
            wrong.append(f"{name}: ours {pair[0]!r}, crun's {pair[1]!r}")
    context.check(not wrong, f"level {level}, {' '.join(kind)}: the same is seen:\n  " + "\n  ".join(wrong), log)
    return len(ours)


def facts(text):
    """What the probe saw, by name. Numbers that are another one in every run are left out."""
    found = {}
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "ns":
            name, _, number = rest.partition(" ")
            found[f"ns {name}"] = "the machine's" if number == os.readlink(f"/proc/self/ns/{name}") else "its own"
        elif kind == "mount":
            found.update(mount_fact(rest.split()))
        elif kind == "status":
            key, _, value = rest.partition(":")
            if key in STATUS or key == "Seccomp":
                found[f"status {key}"] = " ".join(value.split())
        elif kind == "fd":
            number, _, target = rest.partition(" ")
            found[f"fd {number}"] = target.partition(":")[0]
        elif kind == "cgroup":
            found["cgroup"] = rest.rpartition("::")[2] or found.get("cgroup", "")
        elif kind in ("group", "env", "arg", "interface", "address", "route"):
            found[f"{kind} {rest}"] = "there"
        else:
            found[kind] = rest
    return found


def mount_fact(words):
    """A line of mountinfo: where, what kind, and with which flags."""
    separator = words.index("-")
    flags = set(words[5].split(","))
    found = {f"mount {words[4]}": (words[separator + 1], tuple(sorted(flags - {"idmapped"})))}
    if "idmapped" in flags:
        found[f"idmapped {words[4]}"] = "there"
    return found
