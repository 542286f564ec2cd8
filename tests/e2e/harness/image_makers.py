"""Images as different programs make them, from files of this machine's packages: umoci, buildah, skopeo."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import stat

from .processes import output_of, run_logged

MIB = 1 << 20
# A capability set as security.capability has it: CAP_NET_RAW, permitted, effective.
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")


class ImageMaker:
    """Each method returns an OCI layout whose image has the tag 1."""

    def __init__(self, folder: pathlib.Path, log: pathlib.Path):
        self.folder = folder
        self.log = log
        folder.mkdir()
        self._small: dict[str, pathlib.Path] = {}

    def package(self, name: str) -> pathlib.Path:
        """The files of an installed Debian package, as they are here."""
        root = self.folder / f"{name}.files"
        root.mkdir()
        listed = [path for path in output_of(["dpkg", "-L", name]).splitlines()
                  if path.startswith("/") and path != "/." and os.path.lexists(path)]
        # Where they really are: /sbin is a link, and the package has files below it.
        real = {os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)) for path in listed}
        # One by one: what else lies in a folder belongs to other packages.
        run_logged(["cpio", "--quiet", "-pdm", str(root)], self.log, stdin="\n".join(sorted(real)) + "\n",
                   cwd=pathlib.Path("/"))
        return root

    def _bundle(self, name: str) -> tuple[pathlib.Path, pathlib.Path]:
        layout, bundle = self.folder / name, self.folder / f"{name}.bundle"
        run_logged(["umoci", "init", "--layout", str(layout)], self.log)
        run_logged(["umoci", "new", "--image", f"{layout}:1"], self.log)
        run_logged(["umoci", "unpack", "--image", f"{layout}:1", str(bundle)], self.log)
        return layout, bundle

    def _repack(self, layout: pathlib.Path, bundle: pathlib.Path) -> None:
        run_logged(["umoci", "repack", "--refresh-bundle", "--image", f"{layout}:1", str(bundle)], self.log)

    def by_umoci(self, name: str, files: pathlib.Path) -> pathlib.Path:
        layout, bundle = self._bundle(name)
        run_logged(["cp", "-a", f"{files}/.", str(bundle / "rootfs")], self.log)
        self._repack(layout, bundle)
        shutil.rmtree(bundle)
        return layout

    def by_buildah(self, name: str, files: pathlib.Path) -> pathlib.Path:
        layout = self.folder / name
        command = ["buildah", "--root", str(self.folder / "buildah"), "--runroot", str(self.folder / "buildah.run"),
                   "--storage-driver", "vfs"]
        container = output_of([*command, "from", "scratch"]).strip()
        run_logged([*command, "add", "--quiet", container, str(files), "/"], self.log)
        run_logged([*command, "commit", "--quiet", "--rm", "--signature-policy", str(self._policy()), container,
                    f"oci:{layout}:1"], self.log)
        return layout

    def _policy(self) -> pathlib.Path:
        file = self.folder / "policy.json"
        file.write_text('{"default": [{"type": "insecureAcceptAnything"}]}', encoding="utf-8")
        return file

    def odd(self) -> pathlib.Path:
        """All that a layer can hold, and a second one that hides, empties and replaces parts of it. Not a folder that
        becomes a link: umoci follows it when it unpacks its own whiteouts below, and removes what it points to."""
        layout, bundle = self._bundle("odd")
        root = bundle / "rootfs"
        for name in ("kept", "emptied/below", "gone", "becomes-file", "gr\u00fc\u00df", "sticky"):
            (root / name).mkdir(parents=True)
            (root / name / "file").write_text(name, encoding="utf-8")
        (root / "sticky").chmod(0o1777)
        (root / "program").write_bytes(b"x" * 10000)
        os.chown(root / "program", 12, 34)
        (root / "program").chmod(0o6755)
        os.link(root / "program", root / "kept/same")
        (root / "capable").write_text("x", encoding="utf-8")
        os.setxattr(root / "capable", "security.capability", CAPABILITY)
        os.setxattr(root / "kept", "trusted.note", b"of a folder")
        (root / "absolute").symlink_to("/kept/file")
        (root / "broken").symlink_to("../../nowhere")
        os.lchown(root / "broken", 5, 6)
        os.mkfifo(root / "fifo", 0o640)
        os.mknod(root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.mknod(root / "disk", stat.S_IFBLK | 0o660, os.makedev(8, 0))
        (root / ("n" * 200) / ("m" * 200)).mkdir(parents=True)
        with open(root / "sparse", "wb") as file:
            file.truncate(8 * MIB)
            file.seek(4 * MIB)
            file.write(b"in the middle")
        for name, second in (("kept/file", 0), ("program", 1), ("capable", 2**32 + 5)):
            os.utime(root / name, (second, second))
        self._repack(layout, bundle)
        shutil.rmtree(root / "gone")
        shutil.rmtree(root / "emptied/below")
        (root / "emptied/new").write_text("x", encoding="utf-8")
        shutil.rmtree(root / "becomes-file")
        (root / "becomes-file").write_text("now a file", encoding="utf-8")
        (root / "fifo").unlink()
        (root / "absolute").unlink()
        (root / "absolute").mkdir()
        (root / "program").chmod(0o755)
        # Its other name is there. umoci writes a folder into a layer only if the folder itself has changed.
        (root / "kept").chmod(0o711)
        self._repack(layout, bundle)
        shutil.rmtree(bundle)
        return layout

    def inserted(self) -> pathlib.Path:
        layout = self.folder / "inserted"
        run_logged(["umoci", "init", "--layout", str(layout)], self.log)
        run_logged(["umoci", "new", "--image", f"{layout}:1"], self.log)
        source = self.folder / "inserted.file"
        source.write_text("no padding follows", encoding="utf-8")
        run_logged(["umoci", "insert", "--image", f"{layout}:1", str(source), "/etc/inserted"], self.log)
        return layout

    def small(self, program: str = "") -> pathlib.Path:
        """One file; with a program, one that runs its first argument as busybox does."""
        if program in self._small:
            return self._small[program]
        layout, bundle = self._bundle(f"small{len(self._small)}")
        root = bundle / "rootfs"
        if program:
            (root / "bin").mkdir()
            shutil.copy(program, root / "bin/busybox")
        (root / "hello").write_text("hello\n", encoding="utf-8")
        self._repack(layout, bundle)
        if program:
            run_logged(["umoci", "config", "--image", f"{layout}:1", "--config.entrypoint", "/bin/busybox"], self.log)
        shutil.rmtree(bundle)
        self._small[program] = layout
        return layout

    def large(self) -> pathlib.Path:
        """A layer of some megabytes that do not compress."""
        layout, bundle = self._bundle("large")
        (bundle / "rootfs/noise").write_bytes(os.urandom(4 * MIB))
        self._repack(layout, bundle)
        shutil.rmtree(bundle)
        return layout

    @staticmethod
    def configuration(layout: pathlib.Path) -> dict:
        """The configuration of the layout's image."""
        def blob(digest: str) -> dict:
            return json.loads((layout / "blobs/sha256" / digest.removeprefix("sha256:")).read_text(encoding="utf-8"))

        index = json.loads((layout / "index.json").read_text(encoding="utf-8"))
        (entry,) = [one for one in index["manifests"] if one["annotations"]["org.opencontainers.image.ref.name"] == "1"]
        return blob(blob(entry["digest"])["config"]["digest"])
