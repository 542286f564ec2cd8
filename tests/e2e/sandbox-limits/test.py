"""Limits and levels where the kernel has every controller: inside a machine whose service asks `tink-worker sandbox`
for them. What came of it is on the machine's third disk; the last sandbox starts another kernel."""

import json
import re
import shutil

from harness import osie_image, paths, vm
from harness.console import Console
from harness.errors import HarnessError
from harness.processes import Service, run_logged

MIB = 1 << 20
SECTOR = 512
LIMIT_SECONDS = 300.0  # against waiting for ever
SECOND_KERNEL = "the_second_kernel=1"


def run(context):
    log = context.out / "build.log"
    site = context.out / "site"
    site.mkdir()
    shutil.copy(paths.TREE / "tests" / "e2e" / "sandbox-limits" / "profile.yaml", site)
    run_logged(["cc", "-Wall", "-Wextra", "-Werror", "-O1", "-static", "-o", str(site / "machine"),
                str(paths.TREE / "tests" / "e2e" / "sandbox-limits" / "machine.c")], log)
    make_images(site, log)
    osie = context.out / "osie"
    osie_image.build(osie, log, print, site)
    disks = make_disks(context.out, osie / "vmlinuz")
    console = context.out / "console.log"
    machine = Service("the machine (QEMU)", command(osie, disks, console), context.out / "qemu.log")
    try:
        wait_for_end(machine, console)
    finally:
        machine.stop()
    report = parse(disks["report"].read_bytes().rstrip(b"\0").decode("utf-8", "replace"))
    (context.out / "report.txt").write_text(repr(report), encoding="utf-8")
    check_limits(context, report)
    check_networks(context, report)
    check_policy(context, report)
    check_services(context, report, console)
    check_disk(context, report, disks["target"])
    check_kexec(context, report, console)


def make_images(site, log):
    """The images that the machine carries: one with the program in it, under two names; nobody has signed the second."""
    shutil.copy(paths.TREE / "tests" / "e2e" / "sandbox-limits" / "policy.json", site)
    run_logged(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                str(site / "key.pem")], log)
    run_logged(["openssl", "pkey", "-in", str(site / "key.pem"), "-pubout", "-out", str(site / "key.pub")], log)
    layout, bundle = site / "layout", site / "bundle"
    run_logged(["umoci", "init", "--layout", str(layout)], log)
    run_logged(["umoci", "new", "--image", f"{layout}:1"], log)
    run_logged(["umoci", "unpack", "--image", f"{layout}:1", str(bundle)], log)
    shutil.copy(site / "machine", bundle / "rootfs" / "machine")
    run_logged(["umoci", "repack", "--image", f"{layout}:1", str(bundle)], log)
    run_logged(["umoci", "config", "--image", f"{layout}:1", "--config.entrypoint", "/machine"], log)
    digest = json.loads((layout / "index.json").read_text(encoding="utf-8"))["manifests"][0]["digest"]
    # What stands where its signatures would is none.
    for name in ("tools:1", "signed:1", f"signed:{digest.replace(':', '-')}.sig"):
        run_logged(["skopeo", "--insecure-policy", "copy", "--quiet", f"oci:{layout}:1",
                    f"oci:{site / 'images'}:registry.example/{name}"], log)
    shutil.rmtree(bundle)


def make_disks(out, kernel):
    disks = {name: out / f"{name}.img" for name in ("target", "kernel", "report")}
    for name in ("target", "report"):
        with open(disks[name], "wb") as file:
            file.truncate(16 * MIB)
    data = kernel.read_bytes()
    with open(disks["kernel"], "wb") as file:
        file.write(str(len(data)).encode().ljust(SECTOR, b"\0") + data)
        file.truncate((file.tell() + SECTOR - 1) // SECTOR * SECTOR)
    return disks


def command(osie, disks, console):
    accel = vm.choose_acceleration(osie / "vmlinuz")
    words = [vm.PROGRAM, "-accel", "kvm" if accel == "kvm" else "tcg,thread=multi", "-smp", "2", "-m", "512",
             "-nodefaults", "-display", "none", "-no-reboot", "-serial", f"file:{console}",
             "-nic", "user,model=virtio-net-pci,restrict=on", "-kernel", str(osie / "vmlinuz"),
             "-initrd", str(osie / "initramfs"), "-append", "console=ttyS0,115200"]
    for name in ("target", "kernel", "report"):
        words += ["-drive", f"file={disks[name]},format=raw,if=virtio,cache=writethrough"]
    return words


def wait_for_end(machine, console):
    """The second kernel finds no root and restarts, which ends QEMU."""
    code = machine.wait(LIMIT_SECONDS)
    if code is None:
        raise HarnessError(f"the machine still runs after {LIMIT_SECONDS:.0f} s", log=console)
    if code != 0:
        raise HarnessError(f"QEMU ended with {code}", log=machine.log)


def parse(text):
    """Name of a run to (exit status, output)."""
    runs = {}
    for part in text.split("== ")[1:]:
        name, _, rest = part.partition("\n")
        output, _, status = rest.rpartition("exit ")
        runs[name] = (int(status), output)
    return runs


def check_limits(context, report):
    status, text = report["memory"]
    context.equal(status, 137, "exit status of the program that ate too much")
    context.check("killed by signal 9 (Killed): out of memory" in text, f"the memory limit is named: {text}")
    context.equal(report["memory enough"], (0, "ate 16 MiB\n"), "a program within its memory limit")
    # The program itself is one of the twenty; 11 is EAGAIN.
    context.equal(report["processes"], (0, "forks 19 errno 11\n"), "a fork bomb with at most 20 processes")
    context.equal(report["cpu"], (0, "throttled\n"), "a program that works without rest, with a fifth of a processor")
    status, text = report["io"]
    context.equal(status, 0, "exit status of the program with a limit of each disk")
    # 254 is virtio's disks on Linux; the numbers of three of them are 16 apart.
    lines = sorted(re.findall(r"^(\d+:\d+) rbps=1048576 wbps=1048576 ", text, re.MULTILINE))
    context.check(len(lines) == 3, f"the limit of 1 MiB/s holds for each of the three disks: {text}")


def check_networks(context, report):
    status, text = report["no modules"]
    context.check(status == 125 and "nft_masq" in text, f"the missing modules are named: {text}")
    status, text = report["bridge"]
    # 172.30.0.1, the gateway of the default route, as the kernel writes it.
    context.check(status == 0 and re.search(r"^eth0\s+00000000\s+01001EAC\s", text, re.MULTILINE),
                  f"an isolated network with Debian's modules: {text}")
    status, text = report["idmap of tmpfs"]
    # Linux shows a tmpfs so from 6.3 on.
    context.check((status == 125 and "idmapped mounts" in text) or (status == 0 and text.split() == ["0", "1048576", "65536"]),
                  f"a kernel that cannot show a tmpfs so says it: {text}")


def check_policy(context, report):
    for name in ("tools", "tools with a volume"):
        status, text = report[name]
        context.equal((status, text.split()), (0, ["0", "1048576", "65536"]), f"{name}: its user namespace")
    status, text = report["tools' network"]
    context.check(status == 0 and "01001EAC" in text, f"a rule with network:bridge alone gives that one: {text}")
    context.equal(report["tools' processes"], (0, "forks 19 errno 11\n"), "the rule's limit of processes")
    for name, rule in (("network", "tools"), ("processes", "tools"), ("volume", "tools"), ("image", "retired"),
                       ("registry", "registries"), ("without digest", "strict"), ("without signature", "signed"),
                       ("namespace", "namespaces")):
        status, text = report[f"refused {name}"]
        context.check(status == 125 and f'policy rule "{rule}" refuses' in text,
                      f"refused by the rule {rule}, for its {name}: {status} {text}")


def check_services(context, report, console):
    """A service of the image with `sandbox: restricted`, and one that exceeds its limit."""
    _, text = report["confined service"]
    told = dict(line.split(maxsplit=1) for line in text.splitlines() if not line.startswith(("open ", "rename ")))
    context.equal(told["Uid:"].split(), ["0"] * 4, "the confined service runs as root")
    # CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, SETFCAP.
    context.equal(told["CapEff:"], "00000000800005fb", "its capabilities")
    context.equal((told["NoNewPrivs:"], told["Seccomp:"], told["pid"]), ("1", "2", "1"), "its other bounds")
    context.equal((told["memory.max"], told["pids.max"]), (str(32 * MIB), "10"), "its limits")
    refused = dict(re.findall(r"^(?:open|rename) (\S+): errno (\d+)$", text, re.MULTILINE))
    # 30 is EROFS, 2 ENOENT.
    context.equal(refused, {"/init": "30", "/etc/osie/policy.json": "30", "/proc/sys/kernel/modprobe": "30",
                            "/dev/vda": "2"}, "what it cannot change")
    reader = Console(console)
    reader.poll()
    context.check(re.search(r"hungry was ended by signal SIGKILL: out of memory; starting it again in ", reader.text),
                  "init says that a service was out of memory", log=console)


def check_disk(context, report, target):
    status, text = report["restricted disk"]
    context.equal((status, text), (1, "errno 2\n"), "the disk at level restricted (ENOENT)")
    context.equal(report["disk"], (0, "written\n"), "a partition written at level disk")
    data = target.read_bytes()
    context.equal(data[510:512], b"\x55\xaa", "the partition table's signature")
    context.equal(data[MIB:MIB + 14], b"written inside", "what was written to the first partition")


def check_kexec(context, report, console):
    # 1 is EPERM.
    context.equal(report["kexec from disk"], (1, "errno 1\n"), "kexec at level disk")
    context.check("kexec" not in report, "the machine did not come back from kexec at level kexec", log=console)
    reader = Console(console)
    reader.poll()
    lines = [line for line in reader.text.splitlines() if "Command line:" in line and SECOND_KERNEL in line]
    context.check(len(lines) == 1, "the second kernel tells its command line", log=console)
