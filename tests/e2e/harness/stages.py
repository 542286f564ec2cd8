"""The steps before a machine can be started, shared by the demo and the end-to-end tests."""

from __future__ import annotations

import os
import pathlib
import signal
from collections.abc import Sequence

from . import os_image, osie_image, paths, registry, vm
from .errors import HarnessError, Interrupted
from .processes import output_of, run_logged
from .report import Report
from .scenario import Settings

DEMO_ACTIONS = ("image2disk", "writefile", "reboot")


def stop_on_signals() -> None:
    """Makes SIGTERM and SIGHUP unwind as Ctrl-C does, so that everything is cleaned up."""
    def stop(number: int, _frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)  # once is enough: the clean-up itself is not to be interrupted
        raise Interrupted(signal.Signals(number).name)

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, stop)


def as_invoking_user() -> list[str]:
    """Before a command that writes into the tree: under sudo, the user's files are to stay the user's."""
    user = paths.invoking_user()
    if user is None:
        return []
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups", "env",
            f"HOME={user.pw_dir}", f"USER={user.pw_name}", f"LOGNAME={user.pw_name}"]


def build(preset: str, log: pathlib.Path) -> None:
    """Configures and builds a CMake preset."""
    user = as_invoking_user()
    run_logged([*user, "cmake", "--preset", preset], log, cwd=paths.TREE)
    run_logged([*user, "cmake", "--build", "--preset", preset], log, cwd=paths.TREE)


def prepare(report: Report, out: pathlib.Path, actions: Sequence[str] = DEMO_ACTIONS) -> Settings:
    """Builds the OSIE, the operating system image and the action images; returns the scenario's settings."""
    logs = out / "logs-build"
    osie = paths.OUT / "virtual"
    sizes: dict[str, int] = report.facts.setdefault("sizes", {})
    with report.stage("osie", f"build the OSIE (osiekit build, as user {osie_image.builder_user().pw_name})"):
        built = osie_image.build(osie, logs / "osie.log", report.say)
        sizes.update({f"OSIE {name}": size for name, size in built.items()})
        check_static(("osie-init", "tink-worker", *DEMO_ACTIONS), logs / "static.log")
    with report.stage("os-image", "make the operating system image (mmdebstrap)"):
        system = os_image.ensure(logs / "os-image.log")
        sizes["OS image (zstd)"] = system["bytes"]
        sizes["OS image (on the disk)"] = system["raw_bytes"]
        if system["cached"]:
            report.say("  the operating system image is cached")
    layouts = {}
    with report.stage("actions", "make the action images (osiekit action build)"):
        for name in actions:
            key = pathlib.PurePosixPath(name).name
            layouts[key] = out / "images" / key
            sizes[f"action {key}"] = registry.build_action(name, layouts[key], logs / "actions.log")
    with report.stage("accelerator", "look for working KVM"):
        accel = vm.choose_acceleration(osie / "vmlinuz")
        report.facts["accel"] = accel
        report.say("  KVM works" if accel == "kvm" else "  no working KVM: software emulation")
    return Settings(out=out, osie=osie, os_image=pathlib.Path(system["path"]), layouts=layouts, accel=accel)


def check_static(names: Sequence[str], log: pathlib.Path) -> None:
    """The programs that run on the machine must need no library of their root."""
    for name in names:
        about = output_of(["file", "-b", str(paths.program(name))], log)
        if "statically linked" not in about:
            raise HarnessError(f"{paths.program(name)} is not statically linked: {about.strip()}", log=log)


def hand_over(folder: pathlib.Path) -> None:
    """Under sudo, gives what root wrote below the tree to the user."""
    user = paths.invoking_user()
    if user is None or not folder.exists():
        return
    for path in [folder, *folder.rglob("*")]:
        os.lchown(path, user.pw_uid, user.pw_gid)
