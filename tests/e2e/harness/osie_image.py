"""Building the kernel and initramfs with `osiekit build`, without root's rights."""

from __future__ import annotations

import os
import pathlib
import pwd
import re
import shutil
import tempfile
from collections.abc import Callable
from typing import TypeVar

from . import paths
from .errors import HarnessError
from .processes import run_logged

T = TypeVar("T")
PROFILE = "virtual.yaml"
OUTPUTS = ("vmlinuz", "initramfs", "manifest.json")
# How libcurl says that nobody is there; what else fails is a mirror's fault, or ours.
UNREACHABLE = (r"GET \S+: (Failed to connect to |Could not resolve (host|proxy): |Resolving timed out |"
               r"Connection timed out )")
PROGRAMS = ("osiekit", "osie-init", "tink-worker")


def builder_user() -> pwd.struct_passwd:
    """Who builds: the user behind sudo, else `nobody`, so that nothing of the build can need root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    return paths.invoking_user() or pwd.getpwnam("nobody")


def build(out: pathlib.Path, log: pathlib.Path, say: Callable[[str], None],
          site: pathlib.Path | None = None) -> dict[str, int]:
    """Makes out/{vmlinuz,initramfs,manifest.json} from profiles/virtual.yaml; returns their sizes.

    `site` is a folder with another profile.yaml and its files; it may extend `../NAME.yaml`. Where no mirror can be
    reached, it is made from what an earlier build has left in the cache, and `say` gets to know."""
    from_mirror_or_cache(lambda flags: _build(out, log, flags, site), log, say)
    return {name: (out / name).stat().st_size for name in OUTPUTS[:2]}


def from_mirror_or_cache(attempt: Callable[[list[str]], T], log: pathlib.Path, say: Callable[[str], None]) -> T:
    """What `attempt` gives, which gets flags of osiekit and writes to the log. Where no mirror can be reached it is made
    with --offline; any other failure is one, as a mirror that answers has to be understood."""
    before = log.stat().st_size if log.exists() else 0
    try:
        return attempt([])
    except HarnessError as online:
        with open(log, "rb") as file:
            file.seek(before)
            text = file.read().decode(errors="replace")
        if re.search(UNREACHABLE, text) is None:
            raise
        try:
            result = attempt(["--offline"])
        except HarnessError:
            raise online from None
        say(f"no mirror can be reached; built from the cache alone ({log})")
        return result


def _build(out: pathlib.Path, log: pathlib.Path, flags: list[str], site: pathlib.Path | None) -> None:
    if os.geteuid() == 0:
        _build_as(builder_user(), out, log, flags, site)
        return
    with tempfile.TemporaryDirectory(prefix="stage-", dir=paths.cache_dir()) as name:
        profile = _stage_profiles(pathlib.Path(name), site)
        run_logged([str(paths.program("osiekit")), "build", str(profile), "--out", str(out), "--cache",
                    str(paths.cache_dir() / "build"), "--programs", str(paths.RELEASE_BIN), *flags], log)


def _stage_profiles(stage: pathlib.Path, site: pathlib.Path | None) -> pathlib.Path:
    """Copies the profiles, and the site's beside them; returns the one to build."""
    profiles = stage / "profiles"
    shutil.copytree(paths.TREE / "profiles", profiles)
    if site is None:
        return profiles / PROFILE
    shutil.copytree(site, profiles / "site")
    return profiles / "site" / "profile.yaml"


def cache_of(user: pwd.struct_passwd) -> pathlib.Path:
    """The build cache of the user who builds for root."""
    return paths.cache_dir() / f"build-{user.pw_uid}"


def drop_rights(user: pwd.struct_passwd) -> list[str]:
    """The words before a command that runs it as that user, without any capability and without a way to get one."""
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--inh-caps=-all",
            "--bounding-set=-all", "--no-new-privs"]


def _build_as(user: pwd.struct_passwd, out: pathlib.Path, log: pathlib.Path, flags: list[str],
              site: pathlib.Path | None) -> None:
    # That user may not be able to enter the folder that the tree is in (/root), so the inputs are lent to it.
    cache = cache_of(user)
    cache.mkdir(parents=True, exist_ok=True)
    os.chown(cache, user.pw_uid, user.pw_gid)
    with tempfile.TemporaryDirectory(prefix="stage-", dir=paths.cache_dir()) as name:
        stage = pathlib.Path(name)
        stage.chmod(0o755)
        (stage / "bin").mkdir()
        for program in PROGRAMS:
            shutil.copy2(paths.program(program), stage / "bin" / program)
        profile = _stage_profiles(stage, site)
        results = stage / "home"
        results.mkdir()
        os.chown(results, user.pw_uid, user.pw_gid)
        environment = {"HOME": str(results), "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8",
                       **{key: value for key, value in os.environ.items() if key.lower().endswith("_proxy")}}
        run_logged([*drop_rights(user), str(stage / "bin" / "osiekit"), "build", str(profile), "--out",
                    str(results / "out"), "--cache", str(cache), "--programs", str(stage / "bin"), *flags], log, cwd=results, env=environment)
        out.mkdir(parents=True, exist_ok=True)
        for output in OUTPUTS:
            draft = out / (output + ".new")
            shutil.copyfile(results / "out" / output, draft)
            draft.replace(out / output)
