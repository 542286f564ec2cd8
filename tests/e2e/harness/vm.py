"""The machine: QEMU with an empty disk, booting from its network card's own iPXE ROM."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from .errors import HarnessError
from .netns import TAP, NetworkNamespace
from .processes import Service

PROGRAM = "qemu-system-x86_64"
MEMORY_MIB = 512
CORES = 2
NETWORK_SPEED = 1000  # Mb/s, as the card claims
DISK_SERIAL = "OSIE-DISK-1"
# What the firmware says of the machine (SMBIOS structures by type), in QEMU's words.
SMBIOS = {0: {"vendor": "Osie Firmware", "version": "7.1", "date": "02/29/2024"},
          1: {"manufacturer": "Osie Machines", "product": "Model E2E", "serial": "SN-PRODUCT-1"},
          2: {"manufacturer": "Osie Boards", "product": "Board E2E", "version": "B2", "serial": "SN-BOARD-1"},
          3: {"manufacturer": "Osie Cases", "serial": "SN-CHASSIS-1"}}
DISK_BYTES = 1 << 30
PROBE_SECONDS = 5.0
PROBE_SIGN = "Unable to mount root fs"  # where a kernel without an initramfs ends: all of its start has worked
QMP_SECONDS = 10.0
OVMF = pathlib.Path("/usr/share/OVMF")


def choose_acceleration(kernel: pathlib.Path) -> str:
    """"kvm" where a kernel, started for a few seconds, shows that it works; else "tcg". OSIEKIT_ACCEL decides first.

    The presence of /dev/kvm says little: inside some virtual machines it opens, runs a boot sector, and hangs later."""
    chosen = os.environ.get("OSIEKIT_ACCEL", "")
    if chosen in ("kvm", "tcg"):
        return chosen
    if chosen:
        raise HarnessError(f"OSIEKIT_ACCEL is “{chosen}”; it can be kvm or tcg")
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    with tempfile.TemporaryDirectory(prefix="osiekit-kvm-") as folder:
        log = pathlib.Path(folder) / "probe.log"
        probe = Service("KVM probe", [PROGRAM, "-accel", "kvm", "-m", "256", "-nodefaults", "-display", "none",
                                      "-serial", "stdio", "-no-reboot", "-kernel", str(kernel), "-append",
                                      "console=ttyS0 panic=-1"], log)
        try:
            deadline = time.monotonic() + PROBE_SECONDS
            while probe.running() and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            probe.stop()
        return "kvm" if PROBE_SIGN in log.read_text(encoding="utf-8", errors="replace") else "tcg"


def _smbios() -> list[str]:
    return [word for number, values in SMBIOS.items() for word in
            ("-smbios", ",".join([f"type={number}", *(f"{name}={value}" for name, value in values.items())]))]


class Machine:
    """A QEMU process. `console` is its serial console as a growing file."""

    def __init__(self, namespace: NetworkNamespace, folder: pathlib.Path, logs: pathlib.Path, mac: str, accel: str,
                 firmware: str = "bios"):
        self.console = logs / "console.log"
        self.disk = folder / "disk.img"
        self._namespace = namespace
        self._qmp_path = folder / "qmp.sock"
        self._log = logs / "qemu.log"
        with open(self.disk, "wb") as file:
            file.truncate(DISK_BYTES)
        self.console.write_bytes(b"")
        uefi = firmware == "uefi"
        acceleration = ["-accel", "kvm", "-cpu", "host"] if accel == "kvm" else ["-accel", "tcg,thread=multi"]
        self._command = [
            PROGRAM, "-name", "osiekit-machine", *acceleration, "-smp", f"{CORES},sockets=1,cores={CORES},threads=1", "-m", str(MEMORY_MIB), "-nodefaults",
            "-display", "none", "-machine", "graphics=off", "-serial", f"file:{self.console}", "-qmp", f"unix:{self._qmp_path},server=on,wait=off",
            "-drive", f"file={self.disk},format=raw,if=none,id=disk,cache=unsafe",
            "-device", f"virtio-blk-pci,drive=disk,serial={DISK_SERIAL},bootindex=2",
            "-netdev", f"tap,id=net,ifname={TAP},script=no,downscript=no",
            "-device", f"virtio-net-pci,netdev=net,id=nic,mac={mac},speed={NETWORK_SPEED},duplex=full,bootindex=1"
            + (",romfile=" if uefi else ""),
            "-device", "virtio-rng-pci", *_smbios(), *(self._uefi(folder) if uefi else [])]
        self.service: Service | None = None

    @staticmethod
    def _uefi(folder: pathlib.Path) -> list[str]:
        """OVMF with its own network driver and PXE client; over IPv6 it would look for a minute for who is not there."""
        variables = folder / "uefi-variables.fd"
        shutil.copyfile(OVMF / "OVMF_VARS_4M.fd", variables)
        return ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF / 'OVMF_CODE_4M.fd'}",
                "-drive", f"if=pflash,format=raw,file={variables}",
                "-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n"]

    def start(self) -> None:
        self.service = self._namespace.service("the machine (QEMU)", self._command, self._log)

    def check(self) -> None:
        assert self.service is not None
        self.service.check()

    def qmp(self, command: str, **arguments: object) -> object:
        """Sends one command to QEMU's monitor and returns its answer."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(QMP_SECONDS)
            try:
                link.connect(str(self._qmp_path))
                stream = link.makefile("rw", encoding="utf-8")
                stream.readline()  # the greeting
                for request in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                    stream.write(json.dumps(request) + "\n")
                    stream.flush()
                    answer = json.loads(stream.readline())
                    while "event" in answer:
                        answer = json.loads(stream.readline())
            except (OSError, ValueError) as error:
                raise HarnessError(f"QEMU's monitor does not answer “{command}”: {error}", log=self._log) from error
        if "error" in answer:
            raise HarnessError(f"QEMU refuses “{command}”: {answer['error'].get('desc', '')}", log=self._log)
        return answer.get("return")

    def set_cable(self, plugged: bool) -> None:
        """Pulls the machine's network cable, or puts it in again."""
        self.qmp("set_link", name="nic", up=plugged)

    def power_off(self) -> None:
        """As pulling the plug, after QEMU has written what it holds."""
        if self.service is not None and self.service.running():
            try:
                self.qmp("quit")
            except HarnessError:
                pass  # it may close the socket before it answers
            self.service.wait(QMP_SECONDS)
        self.stop()

    def stop(self) -> None:
        if self.service is not None:
            self.service.stop()


def file_system_command(disk: pathlib.Path, offset: int, request: str) -> str:
    """Asks debugfs about a file system at an offset of a disk image."""
    done = subprocess.run(["debugfs", "-R", request, f"{disk}?offset={offset}"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", check=False)
    return done.stdout
