"""Makes a small repository of Alpine packages (format 2), signed with a key of its own."""

from __future__ import annotations

import base64
import dataclasses
import functools
import gzip
import hashlib
import http.server
import io
import pathlib
import subprocess
import tarfile
import threading

ARCHITECTURE = "x86_64"
END_OF_ARCHIVE = 1024  # the two blocks of zeros that only the last part of a package has


@dataclasses.dataclass
class Package:
    name: str
    version: str
    files: dict[str, bytes]  # path → content; programs are those below a folder "bin"
    depends: list[str] = dataclasses.field(default_factory=list)
    provides: list[str] = dataclasses.field(default_factory=list)
    license: str = "GPL-2.0-only"


class Key:
    """An RSA key in a folder; `public` is the folder that a profile names."""

    def __init__(self, folder: pathlib.Path, name: str):
        self.file_name = f"{name}.rsa.pub"
        self._private = folder / f"{name}.rsa"
        self.public = folder / f"{name}-keys"
        self.public.mkdir(parents=True)
        openssl("genrsa", "-out", str(self._private), "2048")
        openssl("rsa", "-in", str(self._private), "-pubout", "-out", str(self.public / self.file_name))

    def signed(self, data: bytes) -> bytes:
        """The data with the part that holds its signature before it."""
        signature = openssl("dgst", "-sha1", "-sign", str(self._private), stdin=data)
        return member({f".SIGN.RSA.{self.file_name}": signature}, ends=False) + data


class Mirrors:
    """The folders below one, over HTTP on loopback."""

    def __init__(self, folder: pathlib.Path):
        handler = functools.partial(_QuietHandler, directory=str(folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/{name}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        pass


def openssl(*words: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *words], input=stdin, capture_output=True, check=True).stdout


def member(files: dict[str, bytes], ends: bool) -> bytes:
    """One compressed piece of a tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            entry.mode = 0o755 if "bin/" in path else 0o644
            entry.pax_headers = {"APK-TOOLS.checksum.SHA1": hashlib.sha1(content).hexdigest()}
            archive.addfile(entry, io.BytesIO(content))
        length = archive.offset
    data = buffer.getvalue()[:length]
    return gzip.compress(data + (bytes(END_OF_ARCHIVE) if ends else b""), mtime=0)


def write(folder: pathlib.Path, packages: list[Package], key: Key | None, damaged: str = "") -> None:
    """FOLDER/v3.20/{main,community}/ARCH with packages in main. No key: an index without a signature. The package
    `damaged` has other content than the index says."""
    for repository, some in (("main", packages), ("community", [])):
        place = folder / "v3.20" / repository / ARCHITECTURE
        place.mkdir(parents=True)
        records = []
        for package in some:
            data = member(package.files, ends=True)
            about = "".join(f"{name} = {value}\n" for name, value in (
                ("pkgname", package.name), ("pkgver", package.version), ("arch", ARCHITECTURE),
                ("size", sum(map(len, package.files.values()))), ("license", package.license),
                ("origin", package.name), *(("depend", text) for text in package.depends),
                *(("provides", text) for text in package.provides), ("datahash", hashlib.sha256(data).hexdigest())))
            control = member({".PKGINFO": about.encode()}, ends=False)
            identity = base64.b64encode(hashlib.sha1(control).digest()).decode()
            if package.name == damaged:
                control = member({".PKGINFO": about.replace("GPL", "MIT").encode()}, ends=False)
            content = control + data if key is None else key.signed(control) + data
            (place / f"{package.name}-{package.version}.apk").write_bytes(content)
            records.append("\n".join([
                f"C:Q1{identity}", f"P:{package.name}", f"V:{package.version}", f"A:{ARCHITECTURE}",
                f"S:{len(content)}", f"I:{sum(map(len, package.files.values()))}", f"T:{package.name}",
                "U:https://example.invalid", f"L:{package.license}", f"o:{package.name}",
                *([f"D:{' '.join(package.depends)}"] if package.depends else []),
                *([f"p:{' '.join(package.provides)}"] if package.provides else [])]))
        index = member({"DESCRIPTION": b"test", "APKINDEX": ("\n\n".join(records) + "\n").encode()}, ends=True)
        (place / "APKINDEX.tar.gz").write_bytes(index if key is None else key.signed(index))
