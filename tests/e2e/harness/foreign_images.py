"""Images of initramfs-tools and dracut for the kernel of one of ours, with every compression that they can ask for."""

from __future__ import annotations

import concurrent.futures
import pathlib
import shutil
from collections.abc import Callable

from .initramfs_makers import Kernel

COMPRESSIONS = ("zstd", "gzip", "xz", "lz4", "lzma", "bzip2", "lzop")
FAST = "1"  # the level is no matter here
MODULES = ("virtio_blk", "virtio_net", "exfat")
MICROCODE = "kernel/x86/microcode/AuthenticAMD.bin"
ACPI_TABLE = "kernel/firmware/acpi/table.aml"
# What a hook of initramfs-tools may put into an image: owners, set-id bits, devices, names that share a file.
HOOK = f"""#!/bin/sh
[ "$1" = prereqs ] && exit 0
set -e
. /usr/share/initramfs-tools/hook-functions
made=$DESTDIR/made-by-the-test
mkdir -m 1777 "$made"
echo first >"$made/one name"
ln "$made/one name" "$made/another"
ln "$made/one name" "$made/größe"
ln -s /absolute/target "$made/link"
mknod "$made/null" c 1 3
mknod "$made/disk" b 8 17
mkfifo -m 0640 "$made/pipe"
: >"$made/empty"
mkdir -m 0700 "$made/private"
install -m 4755 -o 1000 -g 50 /bin/true "$made/set-id"
early=$(mktemp -d)
mkdir -p "$early/{pathlib.PurePosixPath(MICROCODE).parent}"
echo microcode >"$early/{MICROCODE}"
(cd "$early" && find . | LC_ALL=C sort | cpio --quiet -o -H newc) >"$early.cpio"
prepend_earlyinitramfs "$early.cpio"
rm -r "$early" "$early.cpio"
"""
INITRAMFS_CONF = """MODULES=list
BUSYBOX=auto
KEYMAP=n
COMPRESS=gzip
DEVICE=
NFSROOT=auto
RUNSIZE=10%
FSTYPE=auto
"""


def make_all(kernel: Kernel, folder: pathlib.Path, log_folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """MAKER-COMPRESSION to the file of every image; two makers work at a time."""
    settings = folder / "initramfs-tools"
    (settings / "hooks").mkdir(parents=True)
    (settings / "scripts").mkdir()
    (settings / "initramfs.conf").write_text(INITRAMFS_CONF, encoding="utf-8")
    (settings / "modules").write_text("\n".join(MODULES) + "\n", encoding="utf-8")
    (settings / "hooks" / "test").write_text(HOOK, encoding="utf-8")
    (settings / "hooks" / "test").chmod(0o755)
    tables = folder / "tables"
    tables.mkdir()
    (tables / pathlib.PurePosixPath(ACPI_TABLE).name).write_bytes(b"no real table\n")
    dracut_conf = folder / "dracut.conf"
    dracut_conf.write_text(f'acpi_override=yes\nacpi_table_dir="{tables}"\n', encoding="utf-8")
    images = {}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = []

        def add(name: str, make: Callable[..., float], *flags: str) -> None:
            images[name] = folder / f"{name}.img"
            jobs.append(pool.submit(make, images[name], log_folder / f"{name}.log", *flags))

        # Its xz data has several blocks.
        for name, modules, flags in (("xz", "base", ("--xz", "--no-kernel")),
                                     ("zstd", "base", ("--zstd", "--no-kernel", "--conf", str(dracut_conf))),
                                     ("none", "base kernel-modules", ("--no-compress", "--drivers", " ".join(MODULES)))):
            add(f"dracut-{name}", kernel.dracut, "--modules", modules, "--no-early-microcode", *flags)
        for compression in COMPRESSIONS:
            add(f"initramfs-tools-{compression}", kernel.initramfs_tools, "-d", str(settings), "-c", compression, "-l",
                FAST)
        for job in jobs:
            job.result()
    shutil.rmtree(settings)
    return images
