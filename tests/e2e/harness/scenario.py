"""One install from a blank machine to a login prompt: what the demo shows and the end-to-end tests check.

    with Scenario(settings, report) as scenario:
        scenario.prepare_network()
        scenario.submit()
        scenario.install()
        login = scenario.boot_from_disk()
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable

from . import paths, ports, vm
from .console import Console
from .errors import HarnessError
from .netns import SERVER_ADDRESS, NetworkNamespace
from .protobuf import Message
from .registry import Registry
from .report import Report
from .server import GRPC_PORT, Server

E2E = paths.TREE / "tests" / "e2e"
HARDWARE_FILE = E2E / "netboot-install" / "hardware.yaml"
TEMPLATE_FILE = E2E / "netboot-install" / "template.yaml"
HARDWARE_NAME = "machine-1"
HARDWARE_HOSTNAME = "debian-05e1"  # spec.metadata.instance.hostname of HARDWARE_FILE
MAC = "52:54:00:05:1e:01"
DEBIAN_PYTHON = "/usr/bin/python3"  # which has grpcio, whatever python3 is first in the path
POLL_SECONDS = 1.0
START_LIMIT_SECONDS = 60.0
# Limits against waiting for ever, generous for a slow machine without KVM; nothing is judged by them.
INSTALL_LIMIT_SECONDS = 1200.0
BOOT_LIMIT_SECONDS = 600.0
LOGIN = r"^([A-Za-z0-9][A-Za-z0-9.-]*) login: ?"
KERNEL_PANIC = r"Kernel panic[^\n]*"


@dataclasses.dataclass
class Settings:
    """Where things are and how the scenario is to run."""

    out: pathlib.Path  # logs go to out/logs
    osie: pathlib.Path  # vmlinuz and initramfs
    os_image: pathlib.Path
    layouts: dict[str, pathlib.Path]  # action image name → OCI layout
    accel: str = "tcg"
    firmware: str = "bios"  # or "uefi"
    template: pathlib.Path = TEMPLATE_FILE
    image_bytes_per_second: int = 0  # 0: as fast as it goes
    keep: bool = False
    extra_kernel_args: str = ""
    record_calls: bool = False  # what machines say to the server is kept, see Scenario.recorded()

    @property
    def logs(self) -> pathlib.Path:
        return self.out / "logs"


class Scenario(contextlib.ExitStack):
    """Owns every process, namespace and file of one run; leaving it removes them all."""

    def __init__(self, settings: Settings, report: Report):
        super().__init__()
        self.settings = settings
        self.report = report
        self.workflow = ""
        self.states: dict[str, str] = {}

    def __enter__(self) -> Scenario:
        super().__enter__()
        try:
            self._enter()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def _enter(self) -> None:
        settings = self.settings
        shutil.rmtree(settings.logs, ignore_errors=True)
        settings.logs.mkdir(parents=True)
        if settings.keep:
            self.work = settings.out / "work"
            shutil.rmtree(self.work, ignore_errors=True)
            self.work.mkdir(parents=True)
        else:
            self.work = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory(prefix="osiekit-run-")))

    def prepare_network(self) -> None:
        """The network, the registry with the action images, the image store, osie-server."""
        settings = self.settings
        self.namespace = self.enter_context(NetworkNamespace(settings.logs / "network.log"))
        self.registry = Registry(self.namespace, self.work, settings.logs)
        self.callback(self.registry.stop)
        self.registry.wait()
        self.images = {name: self.registry.push(layout, name) for name, layout in settings.layouts.items()}
        self._serve_os_image()
        kernel_args = f"insecure_registries={self.registry.address} console=ttyS0,115200 {settings.extra_kernel_args}"
        authority = self._record_calls() if settings.record_calls else ""
        self.server = Server(self.namespace, self.work / "server", settings.osie, kernel_args.strip(), settings.logs,
                             authority)
        self.callback(self.server.stop)
        self.server.start()

    def _record_calls(self) -> str:
        """Puts a recorder between the machines and osie-server; the address that it has for them."""
        folder = self.settings.logs / "calls"
        folder.mkdir()
        program = pathlib.Path(__file__).with_name("grpc_recorder.py")
        service = self.namespace.service("the recorder", [DEBIAN_PYTHON, str(program), SERVER_ADDRESS,
                                         f"{SERVER_ADDRESS}:{GRPC_PORT}", str(folder)], folder / "recorder.log")
        self.callback(service.stop)
        ports.wait_until((folder / "port").exists, service, START_LIMIT_SECONDS, "the recorder has not started")
        return f"{SERVER_ADDRESS}:{(folder / 'port').read_text(encoding='utf-8')}"

    def recorded(self, method: str) -> list[Message]:
        """What machines have sent to a method, /package.Service/Method, in order."""
        lines = (self.settings.logs / "calls" / "messages.jsonl").read_text(encoding="utf-8").splitlines()
        calls = [json.loads(line) for line in lines]
        return [Message(bytes.fromhex(call["bytes"])) for call in calls if call["method"] == method]

    def _serve_os_image(self) -> None:
        settings = self.settings
        port = ports.free_ports(self.namespace, SERVER_ADDRESS, 1)[0]
        program = pathlib.Path(__file__).with_name("file_server.py")
        service = self.namespace.service(
            "the image store", ["python3", str(program), SERVER_ADDRESS, str(port), str(settings.os_image.parent),
                                str(settings.image_bytes_per_second)], settings.logs / "image-store.log")
        self.callback(service.stop)
        self.image_url = f"http://{SERVER_ADDRESS}:{port}/{settings.os_image.name}"
        ports.wait_for_http(self.namespace, f"http://{SERVER_ADDRESS}:{port}/info.json", service)

    def submit(self) -> None:
        """Pushes the hardware record, creates the template and the workflow."""
        # By digest where the image must be exactly this one, by tag where the newest will do: both are exercised.
        values = {"image_url": self.image_url}
        for name, reference in self.images.items():
            values[name] = reference["digest"] if name == "image2disk" else reference["tag"]
        self.server.tink("hardware", "push", str(HARDWARE_FILE))
        self.server.tink("template", "create", "--name", "install", str(self.settings.template))
        assignments = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
        self.workflow = self.server.tink("workflow", "create", "--template", "install", "--hardware", HARDWARE_NAME,
                                         *assignments).strip()

    def start_machine(self) -> None:
        """Powers a blank machine on."""
        self.machine = vm.Machine(self.namespace, self.work, self.settings.logs, MAC, self.settings.accel,
                                  self.settings.firmware)
        self.callback(self.machine.power_off)
        self.console = Console(self.machine.console)
        self.machine.start()

    def workflow_status(self) -> dict | None:
        """The workflow as `tink` shows it; None while the server cannot be asked (it may be restarting)."""
        try:
            status = self.server.tink_json("workflow", "get", self.workflow)
        except (HarnessError, json.JSONDecodeError):
            return None
        return status if isinstance(status, dict) else None

    def install(self, on_poll: Callable[[dict], None] = lambda status: None) -> dict:
        """Waits until the workflow has succeeded. `on_poll` gets each status (to inject faults)."""
        deadline = time.monotonic() + INSTALL_LIMIT_SECONDS
        while True:
            self.console.poll()
            self._check_console()
            self.machine.check()
            status = self.workflow_status()
            if status is not None:
                self._tell_changes(status)
                state = short_state(status)
                if state == "SUCCESS":
                    return status
                if state in ("FAILED", "TIMEOUT"):
                    raise HarnessError(f"the workflow ended as {state}: {failure_text(status)}",
                                       log=self.machine.console)
                on_poll(status)
            if time.monotonic() > deadline:
                raise HarnessError(f"the install has not finished after {INSTALL_LIMIT_SECONDS:.0f} s",
                                   log=self.machine.console)
            time.sleep(POLL_SECONDS)

    def _check_console(self) -> None:
        panic = re.search(KERNEL_PANIC, self.console.text)
        if panic:
            raise HarnessError(f"the machine's kernel panicked: {panic.group(0)}", log=self.machine.console)

    def _tell_changes(self, status: dict) -> None:
        for action in status.get("actions", []):
            name, state = action.get("name", "?"), short_state(action)
            if self.states.get(name, "PENDING") != state:
                self.report.say(f"  action “{name}”: {state.lower()}")
            self.states[name] = state

    def boot_from_disk(self) -> str:
        """Waits for the login prompt of the installed system; returns the host name that it shows."""
        match = self.console.wait_for(LOGIN, BOOT_LIMIT_SECONDS, check=self.machine.check,
                                      failures=(KERNEL_PANIC,))
        return match.group(1)


def short_state(record: dict) -> str:
    """The state's name without the prefix that a protobuf enumeration carries."""
    return str(record.get("state", "")).upper().removeprefix("STATE_")


def failure_text(status: dict) -> str:
    """The reason of a failed workflow: its own message or the failed action's."""
    parts = [str(status.get("message", ""))]
    for action in status.get("actions", []):
        if short_state(action) in ("FAILED", "TIMEOUT"):
            parts.append(f"action “{action.get('name')}”: {action.get('message', '')}")
    return "; ".join(part for part in parts if part) or "no reason given"
