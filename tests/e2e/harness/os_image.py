"""The operating system that the demo installs: a small Debian as a raw disk image, compressed with zstd.

No loop device and no mount is used: mmdebstrap makes the tree, `mke2fs -d` fills a file system image from it, sfdisk
writes the partition table and GRUB's two pieces are put where `grub-install` would put them. The result is cached by
its recipe, so that a second run needs no network."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from . import apt, paths
from .errors import HarnessError
from .processes import run_logged

DISK_MIB = 400
PARTITION_START_MIB = 1
SECTOR = 512
FILESYSTEM_UUID = "5e1f0b1e-6f51-4d0c-9a7e-05e1e0000001"
DISK_ID = "0x05e1e001"
IMAGE_HOSTNAME = "debian-golden"
PACKAGES = ("systemd-sysv", "udev", "linux-image-cloud-amd64", "e2fsprogs", "kmod")
EXCLUDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
# Units that a machine of a few minutes' life does not need and that cost seconds under emulation.
MASKED_UNITS = (
    "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer", "getty@tty1.service",
    "systemd-binfmt.service", "systemd-hwdb-update.service", "systemd-pstore.service",
    "systemd-update-utmp.service", "systemd-update-utmp-runlevel.service")
INITRAMFS_MODULES = ("virtio_pci", "virtio_blk")
KERNEL_ARGUMENTS = "ro quiet console=ttyS0 net.ifnames=0 fsck.mode=skip"
GRUB_MODULES = ("biosdisk", "part_msdos", "ext2", "linux", "normal", "configfile", "search_fs_uuid")
GRUB_DIR = pathlib.Path("/usr/lib/grub/i386-pc")
GRUB_EMBEDDED = f"search.fs_uuid {FILESYSTEM_UUID} root\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n"
GRUB_CONFIG = (
    "set timeout=0\n"
    "menuentry 'Debian GNU/Linux' {\n"
    f"  linux /vmlinuz root=UUID={FILESYSTEM_UUID} {KERNEL_ARGUMENTS}\n"
    "  initrd /initrd.img\n"
    "}\n")
ZSTD_LEVEL = 10
BOOT_SECTOR_CODE_BYTES = 440  # after it come the disk id and the partition table, which sfdisk wrote


def recipe_key(suite: str) -> str:
    """A digest of everything that decides what the image holds: this file's text and the suite."""
    text = pathlib.Path(__file__).read_bytes() + suite.encode()
    return hashlib.sha256(text).hexdigest()[:16]


def ensure(log: pathlib.Path, rebuild: bool = False) -> dict:
    """Returns {"path", "bytes", "raw_bytes", "cached"}; builds the image (as root) where the cache has none."""
    suite = apt.host_suite()
    folder = paths.cache_dir() / "os-image" / recipe_key(suite)
    info_file = folder / "info.json"
    if info_file.exists() and not rebuild:
        info = json.loads(info_file.read_text(encoding="utf-8"))
        return {**info, "path": str(folder / info["file"]), "cached": True}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="building-", dir=folder.parent) as work_name:
        work = pathlib.Path(work_name)
        work.chmod(0o755)
        image = _build(work, suite, log)
        result = work / "result"
        result.mkdir()
        packed = result / "debian.img.zst"
        run_logged(["zstd", "-q", "-T0", f"-{ZSTD_LEVEL}", "-o", str(packed), str(image)], log)
        info = {"file": packed.name, "bytes": packed.stat().st_size, "raw_bytes": image.stat().st_size, "suite": suite}
        (result / "info.json").write_text(json.dumps(info, indent=2) + "\n", encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        result.rename(folder)
    return {**info, "path": str(folder / info["file"]), "cached": False}


def _build(work: pathlib.Path, suite: str, log: pathlib.Path) -> pathlib.Path:
    if os.geteuid() != 0:
        raise HarnessError("cannot make the operating system image: mmdebstrap needs root here",
                           hint="run tools/demo as root or through sudo")
    tree = work / "tree"
    _bootstrap(work, tree, suite, log)
    _configure(tree)
    run_logged(["chroot", str(tree), "update-initramfs", "-u"], log)
    _write_grub_config(tree)
    image = work / "debian.img"
    _partition(image, log)
    _fill(work, tree, image, log)
    _boot_loader(work, image, log)
    return image


def _bootstrap(work: pathlib.Path, tree: pathlib.Path, suite: str, log: pathlib.Path) -> None:
    sources = apt.write_sources(work, suite)
    command = ["mmdebstrap", "--mode=root", "--variant=essential", "--format=directory",
               f"--include={','.join(PACKAGES)}", "--aptopt=APT::Install-Recommends \"false\""]
    command += [f"--aptopt={option}" for option in apt.proxy_options()]
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED]
    run_logged([*command, suite, str(tree), *[str(path) for path in sources]], log)


def _configure(tree: pathlib.Path) -> None:
    def write(name: str, text: str) -> None:
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    write("etc/hostname", IMAGE_HOSTNAME + "\n")
    write("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
    write("etc/fstab", f"UUID={FILESYSTEM_UUID} / ext4 errors=remount-ro 0 0\n")
    write("etc/machine-id", "")  # each installed machine gets its own
    write("etc/initramfs-tools/conf.d/osiekit", "MODULES=list\nBUSYBOX=n\nRESUME=none\n")
    write("etc/initramfs-tools/modules", "\n".join(INITRAMFS_MODULES) + "\n")
    # A demo machine without a network of its own: root logs in on the console without a password.
    shadow = (tree / "etc/shadow").read_text(encoding="utf-8")
    write("etc/shadow", re.sub(r"^root:[^:]*:", "root::", shadow, flags=re.MULTILINE))
    for unit in MASKED_UNITS:
        link = tree / "etc/systemd/system" / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")


def _write_grub_config(tree: pathlib.Path) -> None:
    folder = tree / "boot/grub"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "grub.cfg").write_text(GRUB_CONFIG, encoding="utf-8")
    for stale in [*tree.glob("var/cache/apt/*"), *tree.glob("var/lib/apt/lists/*"), *tree.glob("var/log/*")]:
        if stale.is_dir() and not stale.is_symlink():
            shutil.rmtree(stale)
        else:
            stale.unlink()
    # Newer than /usr: systemd then skips the rebuilds of caches that it does after an upgrade.
    for name in ("etc/.updated", "var/.updated"):
        (tree / name).touch()


def _partition(image: pathlib.Path, log: pathlib.Path) -> None:
    with open(image, "wb") as file:
        file.truncate(DISK_MIB * 1024 * 1024)
    start = PARTITION_START_MIB * 1024 * 1024 // SECTOR
    table = f"label: dos\nlabel-id: {DISK_ID}\nstart={start}, type=83, bootable\n"
    run_logged(["sfdisk", "--quiet", str(image)], log, stdin=table)


def _fill(work: pathlib.Path, tree: pathlib.Path, image: pathlib.Path, log: pathlib.Path) -> None:
    part = work / "part.img"
    mib = DISK_MIB - PARTITION_START_MIB
    # GRUB reads neither orphan_file nor metadata_csum_seed.
    run_logged(["mke2fs", "-q", "-F", "-t", "ext4", "-L", "root", "-U", FILESYSTEM_UUID, "-m", "1", "-N", "32768",
                "-O", "^orphan_file,^metadata_csum_seed,^has_journal",
                "-E", f"hash_seed={FILESYSTEM_UUID},root_owner=0:0,lazy_itable_init=0",
                "-d", str(tree), str(part), f"{mib}M"], log)
    run_logged(["tune2fs", "-j", "-J", "size=8", str(part)], log)
    run_logged(["dd", f"if={part}", f"of={image}", "bs=1M", f"seek={PARTITION_START_MIB}", "conv=notrunc,sparse",
                "status=none"], log)


def _boot_loader(work: pathlib.Path, image: pathlib.Path, log: pathlib.Path) -> None:
    embedded = work / "embedded.cfg"
    embedded.write_text(GRUB_EMBEDDED, encoding="utf-8")
    core = work / "core.img"
    run_logged(["grub-mkimage", "-O", "i386-pc", "-p", "/boot/grub", "-c", str(embedded), "-o", str(core),
                *GRUB_MODULES], log)
    gap = PARTITION_START_MIB * 1024 * 1024 - SECTOR
    if core.stat().st_size > gap:
        raise HarnessError(f"GRUB's core image has {core.stat().st_size} bytes, the gap before the partition {gap}")
    boot = (GRUB_DIR / "boot.img").read_bytes()
    with open(image, "r+b") as disk:
        disk.write(boot[:BOOT_SECTOR_CODE_BYTES])
        disk.seek(SECTOR)
        disk.write(core.read_bytes())
