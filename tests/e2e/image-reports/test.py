"""What the reports say of an image, beside what others find in it: cpio unpacks it, Debian's parsers read the documents,
digests and sizes are counted here. The image has packages of one name from Debian and from Alpine."""

import json
import os
import pathlib
import shutil
import tempfile
import xml.etree.ElementTree

from harness import apk_repository, image_tree, osie_image, paths
from harness.image_tree import Origins, manifest_of, unpack, walk
from harness.osiekit import osiekit
from harness.processes import run_logged

HERE = pathlib.Path(__file__).parent
SHOWN = 0.01  # of the image: what is smaller may be too small to be drawn
INSPECT_KEYS = {"size", "unpacked", "complete", "maker", "kernels", "modules", "packages", "biggest", "segments"}
DIFF_KEYS = {"same", "packages", "kernels", "modules", "files", "size", "unpacked"}
VERIFY_KEYS = {"good", "manifest", "segments", "entries", "findings"}
SIZE_KEYS = {"name", "packed", "unpacked", "files", "children"}


def alpine_packages(version):
    return [
        # Debian has a package of this name as well.
        apk_repository.Package("busybox-static", version, {"usr/share/alpine/greeting": f"of {version}\n".encode(),
                                                           "usr/share/alpine/empty": b""}),
        apk_repository.Package("with-licence", "2-r0", {"usr/share/with-licence/text": b"x"},
                               license="MIT AND (Zlib OR GPL-2.0-or-later)"),
    ]


def run(context):
    with tempfile.TemporaryDirectory(prefix="reports-", dir=paths.cache_dir()) as name:
        site = Site(context, pathlib.Path(name))
        try:
            image = site.build("image", "first")
            other = site.build("other", "second", changed=True)
        finally:
            site.mirrors.stop()
        tree = site.folder / "tree"
        listing = unpack(image, tree, context.out / "unpack.log")
        facts = walk(tree)
        check_documents(context, image, tree)
        check_sources(context, site, image, facts, listing)
        check_size(context, site, image)
        check_extract(context, site, image, facts)
        check_diff(context, site, image, other, facts)
        check_inspect(context, image)
        check_verify(context, site, image)


class Site:
    """The profile with its files, the mirrors, and a cache that starts with what earlier builds have fetched."""

    def __init__(self, context, folder):
        self.context = context
        self.folder = folder
        self.cache = folder / "cache"
        user = osie_image.builder_user()
        shared = osie_image.cache_of(user) if os.geteuid() == 0 else paths.cache_dir() / "build"
        shared.mkdir(parents=True, exist_ok=True)
        run_logged(["cp", "-al", str(shared), str(self.cache)], context.out / "cache.log")
        shutil.copytree(paths.TREE / "profiles", folder / "profiles")
        self.profiles = folder / "profiles" / "site"
        (self.profiles / "tree" / "deep").mkdir(parents=True)
        shutil.copy2(HERE / "profile.yaml", self.profiles)
        (self.profiles / "note.txt").write_text("a note\n", encoding="utf-8")
        (self.profiles / "tree" / "deep" / "one").write_text("one\n", encoding="utf-8")
        (self.profiles / "tree" / "two").symlink_to("deep/one")
        key = apk_repository.Key(folder, "test")
        self.keys = key.public
        for name, version in (("first", "1.0-r0"), ("second", "1.1-r0")):
            apk_repository.write(folder / "mirrors" / name, alpine_packages(version), key)
        self.mirrors = apk_repository.Mirrors(folder / "mirrors")

    def build(self, name, mirror, changed=False):
        """The image, or one that differs: a newer package, another value, a module and a package less."""
        profile = self.profiles / "profile.yaml"
        if changed:
            text = profile.read_text(encoding="utf-8").replace(", with-licence]", "]").replace("name: reports", "name: other")
            profile = self.profiles / "other.yaml"
            profile.write_text(text + "remove:\n  modules: [isofs]\n", encoding="utf-8")
        out = self.folder / name
        run_logged([str(paths.program("osiekit")), "build", str(profile), "--out", str(out), "--cache", str(self.cache),
                    "--programs", str(paths.RELEASE_BIN), "--set", f"mirror={self.mirrors.url(mirror)}", "--set",
                    f"keys={self.keys}", "--set", f"greeting={'welcome' if changed else 'hello'}"],
                   self.context.out / f"{name}.log")
        return out


def check_documents(context, image, tree):
    documents = image_tree.check_documents(image, tree, context.out)
    text = documents["spdx"].read_text(encoding="utf-8")
    version = next(one["version"] for one in manifest_of(image)["packages"]
                   if (one["system"], one["name"]) == ("debian", "busybox-static"))
    context.check("pkg:deb/debian/busybox-static@" in text, f"SPDX has Debian's busybox-static {version}")
    context.check("pkg:apk/alpine/busybox-static@1.0-r0?arch=x86_64&distro=v3.20" in text,
                  "SPDX has Alpine's busybox-static")
    context.check("MIT AND (Zlib OR GPL-2.0-or-later)" in text, "SPDX has the licence that Alpine's index says")


def check_sources(context, site, image, facts, listing):
    alpine = {path: content for package in alpine_packages("1.0-r0") for path, content in package.files.items()}
    origins = Origins(site.cache, site.profiles, paths.RELEASE_BIN, site.folder, context.out / "deb.log", alpine)
    image_tree.check_sources(context, image, origins, facts, listing, ("package", "program", "profile", "builder"))


def check_size(context, site, image):
    manifest = manifest_of(image)
    sizes = json.loads(osiekit("size", image, "--json", "--all"))
    context.equal(sizes.keys(), SIZE_KEYS, "the keys of the sizes")
    together = sum((image / name).stat().st_size for name in ("vmlinuz", "initramfs"))
    context.equal(sizes["packed"], together, "the size of the image")
    context.equal(manifest["total_size"], together, "the size that the manifest says")
    parts = {child["name"]: child["packed"] for child in sizes["children"]}
    wanted = {segment["name"]: segment["size"] for segment in manifest["segments"]}
    wanted["vmlinuz"] = (image / "vmlinuz").stat().st_size
    context.equal(parts, wanted, "the sizes of the parts, two packages of one name among them")
    context.check({"package busybox-static", "package alpine:busybox-static"} <= parts.keys(), "both packages are parts")

    def add_up(node):
        below = node.get("children", [])
        if below:
            for key in ("unpacked", "files"):
                context.equal(sum(child[key] for child in below), node[key], f"“{key}” of what is below {node['name']}")
            # A folder's own entry takes some bytes as well.
            context.check(sum(child["packed"] for child in below) <= node["packed"], f"{node['name']} has what is in it")
        for child in below:
            add_up(child)

    add_up(sizes)
    picture = site.folder / "image.svg"
    osiekit("size", image, "--svg", picture)
    root = xml.etree.ElementTree.fromstring(picture.read_text(encoding="utf-8"))
    context.equal(root.tag, "{http://www.w3.org/2000/svg}svg", "the picture's first element")
    titles = [title.text or "" for title in root.iter("{http://www.w3.org/2000/svg}title")]
    for name in [name for name, size in wanted.items() if size >= together * SHOWN]:
        context.check(any(title.startswith(f"{name}\n") for title in titles), f"the picture names {name}")


def check_extract(context, site, image, facts):
    folder = site.folder / "extracted"
    osiekit("extract", image, "--to", folder)
    mine = walk(folder)
    differ = sorted(path for path in mine.keys() | facts.keys() if mine.get(path) != facts.get(path))
    context.check(not differ, "extract writes what cpio does, but " + "; ".join(
        f"{path}: {mine.get(path)} and {facts.get(path)}" for path in differ[:5]))
    context.equal(osiekit("extract", image, "--list").splitlines(), sorted(facts, key=os.fsencode), "what extract lists")


def check_diff(context, site, image, other, facts):
    found = json.loads(osiekit("diff", image, other, "--json", status=1))
    context.equal(found.keys(), DIFF_KEYS, "the keys of the differences")
    tree = site.folder / "other-tree"
    unpack(other, tree, context.out / "unpack.log")
    theirs = walk(tree)
    differ = {path for path in facts.keys() | theirs.keys() if facts.get(path) != theirs.get(path)}
    context.equal({item["name"] for item in found["files"]}, differ, "the files that differ")
    for path in ("etc/greeting", "usr/share/alpine/greeting", "usr/share/with-licence/text"):
        context.check(path in differ, f"{path} is among them")
    packages = {item["name"]: (item["before"], item["after"]) for item in found["packages"]}
    context.equal(set(packages), {"alpine:busybox-static", "alpine:with-licence"}, "the packages that differ")
    context.check(packages["alpine:busybox-static"][0].startswith("1.0-r0 "), "the older version")
    context.check(packages["alpine:busybox-static"][1].startswith("1.1-r0 "), "the newer version")
    context.equal(packages["alpine:with-licence"][1], None, "the package that is gone")
    context.check({"name": "isofs", "before": "present", "after": None} in found["modules"], "the module that is gone")
    context.equal(found["kernels"], [], "differences of the kernels")
    context.equal(found["size"], {side: (folder / "initramfs").stat().st_size
                                  for side, folder in (("before", image), ("after", other))}, "the sizes")
    same = json.loads(osiekit("diff", image, image, "--json"))
    context.equal((same["same"], same["files"], same["packages"]), (True, [], []), "an image against itself")


def check_inspect(context, image):
    found = json.loads(osiekit("inspect", image, "--json"))
    context.equal(found.keys(), INSPECT_KEYS, "the keys of the inspection")
    context.equal(found["maker"], "osiekit", "who made it")
    context.equal([(one["system"], one["name"], one["version"]) for one in found["packages"]],
                  [(one["system"], one["name"], one["version"]) for one in manifest_of(image)["packages"]], "its packages")


def check_verify(context, site, image):
    found = json.loads(osiekit("verify", image, "--json"))
    context.equal(found.keys(), VERIFY_KEYS, "the keys of the verification")
    manifest = manifest_of(image)
    context.equal((found["good"], found["manifest"], found["segments"], found["findings"]),
                  (True, True, len(manifest["segments"]), []), "what is found of the image as it was built")
    damaged = site.folder / "damaged"
    shutil.copytree(image, damaged)
    for name in ("vmlinuz", "initramfs"):
        data = (image / name).read_bytes()
        offset = 0
        places = [("", len(data) // 2)]
        if name == "initramfs":
            places = []
            for segment in manifest["segments"]:
                places.append((segment["name"], offset + segment["size"] // 2))
                offset += segment["size"]
        for segment, place in places:
            (damaged / name).write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1:])
            found = json.loads(osiekit("verify", damaged, "--json", status=1))
            context.equal({(one["file"], one.get("segment", "")) for one in found["findings"]} - {(name, "")},
                          {(name, segment)} if segment else set(), f"where a flipped bit of {name} is found")
            context.check(found["findings"], f"a flipped bit of {name} is found")
        (damaged / name).write_bytes(data)
    osiekit("verify", damaged)
