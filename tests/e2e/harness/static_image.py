"""Images of one static program, made by umoci: all that an action needs."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable, Sequence

from .processes import run_logged


def compile_static(source: pathlib.Path, program: pathlib.Path, log: pathlib.Path) -> None:
    run_logged(["cc", "-Wall", "-Wextra", "-Werror", "-O1", "-static", "-o", str(program), str(source)], log)


def make_layout(folder: pathlib.Path, fill: Callable[[pathlib.Path], None], config: Sequence[str],
                log: pathlib.Path) -> pathlib.Path:
    """The OCI layout FOLDER/layout with the tag 1. `fill` puts the files into the root; `config` is umoci's."""
    layout, bundle = folder / "layout", folder / "bundle"
    name = f"{layout}:1"
    run_logged(["umoci", "init", "--layout", str(layout)], log)
    run_logged(["umoci", "new", "--image", name], log)
    run_logged(["umoci", "unpack", "--image", name, str(bundle)], log)
    fill(bundle / "rootfs")
    run_logged(["umoci", "repack", "--image", name, str(bundle)], log)
    run_logged(["umoci", "config", "--image", name, *config], log)
    return layout


def make_program_layout(folder: pathlib.Path, program: pathlib.Path, log: pathlib.Path) -> pathlib.Path:
    """An image whose entrypoint is the program, at / under its own name."""
    return make_layout(folder, lambda root: shutil.copy(program, root / program.name),
                       ["--config.entrypoint", f"/{program.name}"], log)


def make_source_layout(folder: pathlib.Path, source: pathlib.Path, log: pathlib.Path) -> pathlib.Path:
    """The same of a C program, which is compiled first."""
    program = folder / source.stem
    compile_static(source, program, log)
    return make_program_layout(folder, program, log)
