"""Whether `osiekit` takes an initramfs apart as the kernel does: forms of it that were made up here, in a machine whose
init tells what it finds, beside what `verify` and `extract` say of the same bytes."""

import concurrent.futures
import os
import pathlib
import stat
import struct
import subprocess
import tempfile

from harness import osie_image, paths, vm
from harness.console import Console
from harness.errors import HarnessError
from harness.processes import Service, run_logged

HERE = pathlib.Path(__file__).parent
LIMIT_SECONDS = 300.0  # against waiting for ever
MEMORY_MIB = 256
SHOWN = 64  # bytes of content that init tells
# Before anything is unpacked (usr/default_cpio_list of the kernel).
FIRST = {"dev", "dev/console", "root"}
PACKERS = {"gzip": ["gzip", "-nc"], "xz": ["xz", "-c", "--check=crc32"], "bzip2": ["bzip2", "-c"],
           "lzma": ["xz", "-c", "--format=lzma"], "zstd": ["zstd", "-qc"], "lzop": ["lzop", "-c"],
           "lz4": ["lz4", "-qlc"]}
SKIPPABLE = struct.pack("<II", 0x184D2A50, 4) + b"skip"


def entry(name, mode, data=b"", uid=0, gid=0, links=1, inode=1, device=(0, 0)):
    name = name.encode() + b"\0"
    fields = (inode, mode, uid, gid, links, 0, len(data), 0, 0, *device, len(name), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name
    return padded(head) + padded(data)


def padded(data):
    return data + bytes(-len(data) % 4)


def folder(name, mode=0o755):
    return entry(name, stat.S_IFDIR | mode, links=2)


def file(name, data=b"x", mode=0o644, **more):
    return entry(name, stat.S_IFREG | mode, data, **more)


def archive(*entries):
    return b"".join(entries) + entry("TRAILER!!!", 0)


def packed(method, data):
    return subprocess.run(PACKERS[method], input=data, capture_output=True, check=True).stdout


def base(init, *more):
    """What every machine boots with, and what is unusual but taken, or lost without a word."""
    shared = stat.S_IFREG | 0o600
    first = archive(
        folder("dev"), entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1)), file("init", init, 0o755),
        folder("from"), folder("odd", 0o1777), file("odd/owned", b"o", 0o4750, uid=7, gid=8),
        file("odd/TRAILER!!!", b"only the whole name ends an archive"),
        entry("odd/link", stat.S_IFLNK | 0o777, b"../init"), entry("odd/null", stat.S_IFCHR | 0o666, device=(1, 3)),
        # Names of one file; the content is on the last.
        entry("odd/one", shared, links=3, inode=9), entry("odd/two", shared, links=3, inode=9),
        entry("odd/three", shared, b"shared", links=3, inode=9),
        file("./odd//twice", b"old"), file("odd/" + "n" * 255, b"longest name"))
    # After an end mark the same inode is another file.
    second = archive(entry("odd/other", shared, b"not shared", links=2, inode=9), file("odd/twice", b"new"),
                     file("nowhere/lost", b"no folder"), entry("odd/empty-link", stat.S_IFLNK | 0o777), *more,
                     file("odd/last"))
    return first + bytes(512) + second


def forms(init):
    """Name to (bytes, offset where the kernel stops or None)."""
    start = base(init)
    all_of_them = start
    start = base(init, file("odd/" + "n" * 256, b"a name that no file system takes"))
    for number, method in enumerate(PACKERS):
        all_of_them += packed(method, archive(folder("from"), file(f"from/{method}", method.encode())))
        if method != "lz4":
            all_of_them += bytes(number)  # NULs between, as many as one likes
        if method == "bzip2":
            all_of_them = padded(all_of_them) + archive(file("from/plain-between", b"plain"))
    after = packed("gzip", archive(file("from/after")))

    def then(bad):
        return start + bad + after, len(start)

    crc64 = subprocess.run(["xz", "-c", "--check=crc64"], input=archive(file("from/bad")), capture_output=True,
                           check=True).stdout
    odd = packed("gzip", archive(file("from/before")))
    odd += bytes(1) if len(odd) % 4 == 0 else b""
    lz4 = packed("lz4", archive(file("from/before")))
    return {"all": (all_of_them, None), "crc64": then(crc64), "skippable": then(SKIPPABLE), "text": then(b"text"),
            "odd": (start + odd + archive(file("from/bad")), len(start) + len(odd)),
            "behind-lz4": (start + lz4 + after, len(start))}


def run(context):
    osie = context.out / "osie"
    osie_image.build(osie, context.out / "osie.log", print)
    with tempfile.TemporaryDirectory(prefix="osiekit-unpacks-") as name:
        work = pathlib.Path(name)
        run_logged(["cc", "-Wall", "-Wextra", "-Werror", "-Os", "-s", "-static", "-o", str(work / "init"),
                    str(HERE / "init.c")], context.out / "cc.log")
        made = forms((work / "init").read_bytes())
        accel = vm.choose_acceleration(osie / "vmlinuz")
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            jobs = {}
            for form, (data, _) in made.items():
                (work / form).write_bytes(data)
                jobs[form] = pool.submit(boot, context, osie / "vmlinuz", work / form, accel)
            found = {form: job.result() for form, job in jobs.items()}
        for form, (_, stops) in made.items():
            check(context, work, form, found[form], stops)
        context.check({"from/" + method for method in PACKERS} <= found["all"].keys(), "the kernel unpacked every method")


def boot(context, kernel, initramfs, accel):
    """Path to (mode, owner, group, size, content) of what the machine's init found."""
    log = context.out / f"{initramfs.name}-console.log"
    machine = Service("the machine (QEMU)", [
        vm.PROGRAM, "-accel", accel, "-smp", "1", "-m", str(MEMORY_MIB), "-nodefaults", "-display", "none", "-no-reboot",
        "-serial", f"file:{log}", "-kernel", str(kernel), "-initrd", str(initramfs), "-append",
        "console=ttyS0,115200 panic=-1"], context.out / f"{initramfs.name}-qemu.log")
    try:
        if machine.wait(LIMIT_SECONDS) is None:
            raise HarnessError(f"the machine still runs after {LIMIT_SECONDS:.0f} s", log=log)
    finally:
        machine.stop()
    console = Console(log)
    console.poll()
    lines = console.text.replace("\r", "").splitlines()
    if "BEGIN" not in lines or "END" not in lines:
        raise HarnessError("init did not tell all that it found", log=log)
    found = {}
    for line in lines[lines.index("BEGIN") + 1:lines.index("END")]:
        if line.startswith("E "):  # and not a message of the kernel
            path, mode, uid, gid, size, *content = line[2:].split(" ")
            found[path] = (int(mode, 8), int(uid), int(gid), int(size), "".join(content))
    return found


def check(context, work, form, kernel, stops):
    done = subprocess.run([str(paths.program("osiekit")), "verify", str(work / form)], capture_output=True, text=True,
                          check=False)
    lost = ["/nowhere/lost: the kernel loses it", "/odd/empty-link: a symlink without a target"]
    for text in lost if stops is None else [*lost, "a part of its name has 256 bytes"]:
        context.check(text in done.stdout, f"{form}: verify says “{text}”: {done.stdout}{done.stderr}")
    stop = [line for line in done.stdout.splitlines() if "the kernel stops here" in line]
    if stops is None:
        context.equal(stop, [], f"{form}: where the kernel stops")
        out = work / f"{form}-tree"
        run_logged([str(paths.program("osiekit")), "extract", str(work / form), "--to", str(out)],
                   context.out / "extract.log")
        mine = walk(out)
        # It makes the folders that the kernel misses, and no symlink to nothing, which the kernel does make.
        lost = {"nowhere", "nowhere/lost"}
        context.equal(kernel.pop("odd/empty-link", None), (stat.S_IFLNK | 0o777, 0, 0, 0, ""), "a symlink to nothing")
        context.check("left out: odd/empty-link" in (context.out / "extract.log").read_text(encoding="utf-8"),
                      "extract says which symlink it left out")
    else:
        context.check(len(stop) == 1 and f"byte {stops}" in stop[0], f"{form}: verify stops at byte {stops}: {stop}")
        context.check("from/bad" not in kernel and "from/after" not in kernel, f"{form}: the kernel stops there")
        mine = kernel
        lost = set()
    mine = {path: facts for path, facts in mine.items() if path not in lost}
    differ = sorted(path for path in (mine.keys() | kernel.keys()) - FIRST if mine.get(path) != kernel.get(path))
    context.check(not differ, f"{form}: extract writes what the kernel unpacks, but " + "; ".join(
        f"{path}: {mine.get(path)} and {kernel.get(path)}" for path in differ[:5]))


def walk(root):
    found = {}
    for place, directories, files in os.walk(root):
        for name in directories + files:
            path = pathlib.Path(place) / name
            about = path.lstat()
            content = b""
            if stat.S_ISLNK(about.st_mode):
                content = os.readlink(path).encode()
            elif stat.S_ISREG(about.st_mode) and about.st_size <= SHOWN:
                content = path.read_bytes()
            found[str(path.relative_to(root))] = (about.st_mode, about.st_uid, about.st_gid,
                                                  about.st_size if stat.S_ISREG(about.st_mode) else 0, content.hex())
    return found
