"""Images of initramfs-tools and dracut, with every compression, beside what their own tools and cpio say of them:
`osiekit inspect`, `extract`, `size`, `verify` and `diff`."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import stat
import tempfile

from harness import foreign_images, osie_image, paths
from harness.initramfs_makers import Kernel
from harness.osiekit import osiekit
from harness.processes import output_of, run_logged

# What each compression's own check would miss is left out where one byte is flipped.
UNCHECKED = ("lz4", "lzma", "none")
LISTED = re.compile(r"^([-dlcbps][-rwxsStT]{9}) +\d+ +\S+ +\S+ +(\d+|\d+, +\d+) +\S+ +\S+ +\S+ +(.*)$")
OURS = re.compile(r"^  ([-dlcbps][-rwxsStT]{9}) +\d+ +\d+ +(\S+)  (.*)$")


def run(context):
    osie = context.out / "osie"
    osie_image.build(osie, context.out / "osie.log", print)
    user = osie_image.builder_user()
    cache = osie_image.cache_of(user) if os.geteuid() == 0 else paths.cache_dir() / "build"
    kernel = Kernel(osie, cache, context.out / "kernel.log")
    with tempfile.TemporaryDirectory(prefix="osiekit-foreign-") as name:
        work = pathlib.Path(name)
        with context.report.stage("make", "make images with initramfs-tools and dracut"):
            images = foreign_images.make_all(kernel, work, context.out)
        with context.report.stage("look", "look into each"), concurrent.futures.ThreadPoolExecutor(2) as pool:
            looks = {name: pool.submit(Looked(context, work, name, image, kernel.version).everything)
                     for name, image in images.items()}
            trees = {name: look.result() for name, look in looks.items()}
        context.check(foreign_images.MICROCODE in trees["initramfs-tools-zstd"], "microcode comes before the compressed part")
        context.check(foreign_images.ACPI_TABLE in trees["dracut-zstd"], "a table for ACPI comes before the compressed part")
        with context.report.stage("diff", "compare images"):
            check_diffs(context, images, trees, osie)


class Looked:
    """One image, looked into in every way."""

    def __init__(self, context, work, name, image, version):
        self.context = context
        self.work = work
        self.name = name
        self.image = image
        self.version = version
        self.compression = name.rpartition("-")[2].replace("lzop", "lzo")
        self.log = context.out / f"{name}-unpack.log"
        self.inspection = json.loads(osiekit("inspect", image, "--json"))

    def everything(self):
        self.check_facts()
        self.check_listing()
        tree = self.check_tree()
        self.check_extract(tree)
        self.check_size(tree)
        self.check_verify()
        return tree

    def check_facts(self):
        self.context.equal(self.inspection["maker"], self.name.rpartition("-")[0], f"{self.name}: who made it")
        without = self.name in ("dracut-xz", "dracut-zstd")
        self.context.equal(self.inspection["kernels"], [] if without else [self.version], f"{self.name}: kernels")
        for module in () if without else foreign_images.MODULES:
            self.context.check(module in self.inspection["modules"], f"{self.name}: the module {module}")
        self.context.equal([segment["compression"] for segment in self.inspection["segments"]][-1], self.compression,
                           f"{self.name}: compression")

    def entries(self):
        return [entry for segment in self.inspection["segments"] for entry in segment["entries"]]

    def check_listing(self):
        """Every entry as the maker's own program lists it; lsinitrd sorts, by rules of the locale."""
        mine = [entry["path"].removeprefix("./") for entry in self.entries()]
        if self.name.startswith("initramfs-tools"):
            theirs = output_of(["lsinitramfs", str(self.image)]).splitlines()
            self.context.equal(mine, theirs, f"{self.name}: paths as lsinitramfs lists them")
            return
        theirs = [match.groups() for match in map(LISTED.match, output_of(["lsinitrd", str(self.image)]).splitlines())
                  if match]
        theirs = [(mode, size.replace(" ", ""), path.removeprefix("./")) for mode, size, path in theirs]
        listed = [match.groups() for match in map(OURS.match, osiekit("inspect", self.image, "--list").splitlines())
                  if match]
        # A symlink's own size is told by cpio, and its target by both.
        plain = [(mode, "0" if mode[0] == "l" else size, path.removeprefix("./")) for mode, size, path in listed]
        theirs = [(mode, "0" if mode[0] == "l" else size, path) for mode, size, path in theirs]
        self.context.equal(sorted(plain), sorted(theirs), f"{self.name}: modes, sizes and paths as lsinitrd lists them")

    def check_tree(self):
        """What initramfs-tools' own program unpacks, which leaves the work to cpio, is what we say there is."""
        folder = self.work / f"{self.name}-theirs"
        if self.compression == "none":  # it does not unpack what has no compressed part
            folder.mkdir()
            run_logged(["cpio", "--extract", "--preserve-modification-time", "--no-absolute-filenames", "--quiet",
                        "--file", str(self.image)], self.log, cwd=folder)
        else:
            run_logged(["unmkinitramfs", str(self.image), str(folder)], self.log)
        parts = [*sorted(folder.glob("early*")), folder / "main"]
        theirs = {}
        for part in parts if parts[-1].exists() else [folder]:
            theirs.update(walk(part, times=True))
        mine = {}
        for entry in self.entries():
            path = entry["path"].removeprefix("./")
            if path != ".":
                mine[path] = told(entry)
        same(self.context, mine, theirs, f"{self.name}: what inspect says against cpio's unpacking")
        shutil.rmtree(folder)
        return {path: facts[:-1] for path, facts in theirs.items()}

    def check_extract(self, tree):
        folder = self.work / f"{self.name}-ours"
        osiekit("extract", self.image, "--to", folder)
        same(self.context, walk(folder), tree, f"{self.name}: what extract writes against cpio's unpacking")
        listed = osiekit("extract", self.image, "--list").splitlines()
        self.context.equal(listed, sorted(tree, key=os.fsencode), f"{self.name}: what extract lists")
        shutil.rmtree(folder)

    def check_size(self, tree):
        sizes = json.loads(osiekit("size", self.image, "--all", "--json"))
        self.context.equal(sizes["packed"], self.image.stat().st_size, f"{self.name}: the size of the file")
        self.context.equal(sum(child["packed"] for child in sizes["children"]), sizes["packed"],
                           f"{self.name}: the sizes of its segments together")
        shared = sum(entry["size"] for entry in self.entries() if "link_to" in entry)
        content = sum(facts[4] for facts in tree.values() if stat.S_ISREG(facts[0]) or stat.S_ISLNK(facts[0]))
        self.context.equal(sizes["unpacked"], content - shared, f"{self.name}: the bytes of its files")

    def check_verify(self):
        self.context.equal(json.loads(osiekit("verify", self.image, "--json"))["findings"], [],
                           f"{self.name}: what verify finds")
        data = self.image.read_bytes()
        damaged = self.work / f"{self.name}-damaged"
        damaged.write_bytes(data + bytes(4096))
        osiekit("verify", damaged)
        damaged.write_bytes(data[:len(data) * 2 // 3])
        self.context.check("kernel stops" in osiekit("verify", damaged, status=1), f"{self.name}: cut short")
        if self.compression in UNCHECKED:
            damaged.unlink()
            return
        middle = len(data) // 2
        damaged.write_bytes(data[:middle] + bytes([data[middle] ^ 0x40]) + data[middle + 1:])
        self.context.check("kernel stops" in osiekit("verify", damaged, status=1), f"{self.name}: a flipped byte")
        damaged.unlink()


def told(entry):
    """An entry of the inspection as `walk` says one of a folder."""
    mode = entry["mode"]
    what = entry.get("digest") or entry.get("target") or tuple(entry.get("device", ()))
    return (mode, entry["uid"], entry["gid"], what, entry["size"] if stat.S_ISREG(mode) or stat.S_ISLNK(mode) else 0,
            0 if stat.S_ISDIR(mode) or stat.S_ISLNK(mode) else entry["mtime"])


def walk(folder, times=False):
    """Path to (mode, owner, group, content, size[, time]) of everything below the folder."""
    found = {}
    for root, directories, files in os.walk(folder):
        for name in directories + files:
            path = pathlib.Path(root) / name
            about = path.lstat()
            what = ()
            if stat.S_ISREG(about.st_mode):
                what = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
            elif stat.S_ISLNK(about.st_mode):
                what = os.readlink(path)
            elif stat.S_ISCHR(about.st_mode) or stat.S_ISBLK(about.st_mode):
                what = (os.major(about.st_rdev), os.minor(about.st_rdev))
            size = about.st_size if stat.S_ISREG(about.st_mode) or stat.S_ISLNK(about.st_mode) else 0
            facts = (about.st_mode, about.st_uid, about.st_gid, what, size)
            # A folder's time moves while it is filled, and cpio does not set that of a link.
            moves = stat.S_ISDIR(about.st_mode) or stat.S_ISLNK(about.st_mode)
            found[str(path.relative_to(folder))] = (*facts, 0 if moves else int(about.st_mtime)) if times else facts
    return found


def same(context, mine, theirs, what):
    differ = sorted(path for path in mine.keys() | theirs.keys() if mine.get(path) != theirs.get(path))
    context.check(not differ, f"{what}: the same, but " + "; ".join(
        f"{path}: {mine.get(path)} and {theirs.get(path)}" for path in differ[:5]))


def check_diffs(context, images, trees, osie):
    one, other = "initramfs-tools-zstd", "initramfs-tools-xz"
    context.equal(json.loads(osiekit("diff", images[one], images[other], "--json"))["same"], True,
                  "whether two images with the same contents and another compression are the same")
    for left, right in ((one, "dracut-zstd"), ("dracut-none", "dracut-zstd")):
        found = json.loads(osiekit("diff", images[left], images[right], "--json", status=1))
        differ = {path for path in trees[left].keys() | trees[right].keys()
                  if trees[left].get(path) != trees[right].get(path)}
        context.equal({item["name"] for item in found["files"]} - {""}, differ, f"how {left} and {right} differ")
        for item in found["files"]:
            for side, tree in (("before", trees[left]), ("after", trees[right])):
                context.equal(item[side] is None, item["name"] not in tree and item["name"] != "",
                              f"whether {item['name']} is missing {side}")
        context.equal(found["size"], {"before": images[left].stat().st_size, "after": images[right].stat().st_size},
                      f"the sizes of {left} and {right}")
    found = json.loads(osiekit("diff", images[one], osie, "--json", status=1))
    context.equal(found["kernels"], [], "differences of the kernels, which are the same")
    context.check({"name": "exfat", "before": "present", "after": None} in found["modules"],
                  "the module exfat is only in the other image")
