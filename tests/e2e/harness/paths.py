"""Where things are: the tree, its outputs, the caches that outlive `git clean`."""

from __future__ import annotations

import os
import pathlib
import pwd

from .errors import HarnessError

TREE = pathlib.Path(__file__).resolve().parents[3]
OUT = TREE / "out"
RELEASE_BIN = TREE / "build" / "release" / "bin"
ASAN_BUILD = TREE / "build" / "asan"
SYSTEM_CACHE = pathlib.Path("/var/cache/osiekit")


def invoking_user() -> pwd.struct_passwd | None:
    """The ordinary user behind sudo; None when root is really root, or when we are not root at all."""
    uid = os.environ.get("SUDO_UID", "")
    if os.geteuid() != 0 or not uid.isdecimal() or uid == "0":
        return None
    return pwd.getpwuid(int(uid))


def cache_dir() -> pathlib.Path:
    """OSIEKIT_CACHE, or /var/cache/osiekit for root, or ~/.cache/osiekit. Survives `git clean -xfd`."""
    chosen = os.environ.get("OSIEKIT_CACHE")
    if chosen:
        folder = pathlib.Path(chosen)
    elif os.geteuid() == 0:
        folder = SYSTEM_CACHE
    else:
        folder = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "osiekit"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def program(name: str) -> pathlib.Path:
    """One of our programs of the release build."""
    path = RELEASE_BIN / name
    if not path.exists():
        raise HarnessError(f"{path} is not there", hint="cmake --preset release && cmake --build --preset release")
    return path
