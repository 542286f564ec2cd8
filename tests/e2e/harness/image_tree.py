"""An image taken apart by cpio, and what its manifest and its documents say held against that."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
import stat
import subprocess
from typing import TYPE_CHECKING, Any

from . import paths
from .osiekit import osiekit
from .processes import run_logged

if TYPE_CHECKING:
    from .testing import Context

DOCUMENTS = paths.TREE / "tests" / "e2e" / "image-reports" / "documents.py"
PYTHON = "/usr/bin/python3"  # Debian's, which has jsonschema, whatever python3 is first in the path
Facts = dict[str, tuple[int, int, int, Any]]


def manifest_of(image: pathlib.Path) -> dict[str, Any]:
    return json.loads((image / "manifest.json").read_text(encoding="utf-8"))


def unpack(image: pathlib.Path, folder: pathlib.Path, log: pathlib.Path) -> list[set[str]]:
    """Segment by segment with zstd and cpio; the manifest only says where each ends. Gives the paths of each."""
    folder.mkdir()
    listing = []
    data = (image / "initramfs").read_bytes()
    for segment in manifest_of(image)["segments"]:
        part, data = data[:segment["size"]], data[segment["size"]:]
        archive = unpacked_frame(part)
        listed = subprocess.run(["cpio", "--list", "--quiet"], input=archive, capture_output=True, check=True)
        names = listed.stdout.decode().splitlines()
        if len(names) != segment["entries"]:
            raise AssertionError(f"the segment {segment['name']} has {segment['entries']} entries, cpio lists {len(names)}")
        listing.append(set(names))
        with open(log, "ab") as file:
            subprocess.run(["cpio", "--extract", "--make-directories", "--unconditional", "--no-absolute-filenames",
                            "--preserve-modification-time", "--quiet"], input=archive, stdout=file, stderr=file,
                           cwd=folder, check=True)
    if data:
        raise AssertionError(f"{len(data)} bytes follow the last segment")
    return listing


def unpacked_frame(part: bytes) -> bytes:
    """zstd takes no NULs behind a frame, and how many there are is not told."""
    for padding in range(4):
        if padding and part[-padding:].strip(b"\0"):
            break
        done = subprocess.run(["zstd", "-dcq", "--long=27"], input=part[:len(part) - padding], capture_output=True,
                              check=False)
        if done.returncode == 0:
            return done.stdout
    raise AssertionError(f"zstd cannot unpack a segment: {done.stderr.decode(errors='replace')}")


def walk(folder: pathlib.Path) -> Facts:
    """Path to (mode, owner, group, content) of everything below the folder."""
    found: Facts = {}
    for root, directories, files in os.walk(folder):
        for name in directories + files:
            path = pathlib.Path(root) / name
            about = path.lstat()
            what: Any = ()
            if stat.S_ISREG(about.st_mode):
                what = hashlib.sha256(path.read_bytes()).hexdigest()
            elif stat.S_ISLNK(about.st_mode):
                what = os.readlink(path)
            elif stat.S_ISCHR(about.st_mode) or stat.S_ISBLK(about.st_mode):
                what = (os.major(about.st_rdev), os.minor(about.st_rdev))
            found[str(path.relative_to(folder))] = (about.st_mode, about.st_uid, about.st_gid, what)
    return found


def check_documents(image: pathlib.Path, tree: pathlib.Path, out: pathlib.Path) -> dict[str, pathlib.Path]:
    """Writes OUT/{spdx,cyclonedx,provenance}.json and has independent parsers read them beside cpio's tree."""
    documents = {}
    for name, words in (("spdx", ("sbom", "--format", "spdx")), ("cyclonedx", ("sbom", "--format", "cyclonedx")),
                        ("provenance", ("provenance",))):
        documents[name] = out / f"{name}.json"
        osiekit(words[0], image, *words[1:], "--out", documents[name])
    run_logged([PYTHON, str(DOCUMENTS), str(image), str(tree), *map(str, documents.values())], out / "documents.log")
    return documents


@dataclasses.dataclass
class Origins:
    """Where the files of an image came from."""

    cache: pathlib.Path  # with the packages
    profiles: pathlib.Path  # the folder of the profile that was built
    programs: pathlib.Path
    scratch: pathlib.Path
    log: pathlib.Path
    alpine: dict[str, bytes] = dataclasses.field(default_factory=dict)  # path to content of Alpine's packages
    _unpacked: dict[str, pathlib.Path] = dataclasses.field(default_factory=dict)

    def package(self, manifest: dict[str, Any], name: str) -> pathlib.Path:
        """Debian's package of this name as dpkg unpacks it."""
        if name not in self._unpacked:
            package = next(one for one in manifest["packages"] if (one["system"], one["name"]) == ("debian", name))
            folder = self.scratch / f"package-{len(self._unpacked)}"
            run_logged(["dpkg-deb", "-x", str(self.cache / "blobs" / package["digest"].replace(":", "/")), str(folder)],
                       self.log)
            self._unpacked[name] = folder
        return self._unpacked[name]


def check_sources(context: Context, image: pathlib.Path, origins: Origins, facts: Facts, listing: list[set[str]],
                  kinds: tuple[str, ...]) -> None:
    """Every file is of whom the manifest says: as it is in the package, the program or the profile's file. `kinds` are
    the kinds of origins that there have to be."""
    manifest = manifest_of(image)
    for segment, names in zip(manifest["segments"], listing):
        listed = {path for some in segment["other_sources"].values() for path in some}
        context.check(listed <= names, f"{segment['name']}: the paths it lists are in it")
    counts: dict[str, int] = {}
    for path, (mode, _, _, digest) in facts.items():
        if not stat.S_ISREG(mode):
            continue
        source = source_of(path, manifest, listing)
        kind, _, name = source.partition(" ")
        counts[kind] = counts.get(kind, 0) + 1
        content = None
        if kind == "package" and ":" in name:
            context.equal(name.partition(":")[0], "alpine", f"the system of {source}")
            content = origins.alpine[path]
        elif kind == "package":
            content = origins.package(manifest, name).joinpath(path).read_bytes()
        elif kind == "program":
            content = (origins.programs / name).read_bytes()
        elif kind == "profile":
            file, _, line = name.rpartition(":")
            lines = (origins.profiles / file).read_text(encoding="utf-8").splitlines() if line.isdecimal() else []
            context.check(lines and 0 < int(line) <= len(lines), f"{path}: {source} is a line of the profile")
        else:
            context.equal(source, "builder", f"the source of {path}")
        if content is not None:
            context.equal(digest, hashlib.sha256(content).hexdigest(), f"the content of {path} of {source}")
    context.equal(sorted(counts), sorted(kinds), f"the kinds of origins ({counts})")


def source_of(path: str, manifest: dict[str, Any], listing: list[set[str]]) -> str:
    """What the manifest says of the last segment that has the path."""
    segment = [segment for segment, paths_of in zip(manifest["segments"], listing) if path in paths_of][-1]
    others = segment["other_sources"].items()
    return next((source for source, some in others if path in some), segment["source"])
