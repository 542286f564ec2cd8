"""The shipped profiles that no other scenario boots: `debug` answers on its console and to whoever has the SSH key, and
not to others; `minimal` runs its agent, which asks the server for work."""

import pathlib
import re
import socket
import subprocess
import threading
import time

from harness import osie_image, vm
from harness.console import Console
from harness.errors import HarnessError
from harness.processes import Service, run_logged

HERE = pathlib.Path(__file__).parent
MAC = "52:54:00:05:1e:0a"
HOST_SEEN_FROM_INSIDE = "10.0.2.2"  # QEMU's user network
LIMIT_SECONDS = 300.0  # against waiting for ever
POLL_SECONDS = 0.2


def run(context):
    boot_debug(context)
    boot_minimal(context)


def boot_debug(context):
    key = context.out / "key"
    run_logged(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(key)], context.out / "keys.log")
    other = context.out / "other-key"
    run_logged(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], context.out / "keys.log")
    public = key.with_suffix(".pub").read_text(encoding="utf-8").strip()
    osie = build(context, "debug", {"@SSH_KEY@": public})
    port = free_port()
    with Machine(context, "debug", osie, "", f"hostfwd=tcp:127.0.0.1:{port}-:22") as machine:
        shell = machine.shell()
        shell.command("echo console-$((40 + 2))", "console-42")
        shell.command("cat /etc/osie/policy.json", r"registry\.example:5000")
        name = ssh(machine, port, key, "cat /etc/osie/name && id -u && strace -V | head -n 1")
        context.check(re.fullmatch(r"debug-of-the-test\n0\nstrace .*\n", name.stdout), f"ssh runs a command: {name}")
        refused = ssh(machine, port, other, "true")
        context.check(refused.returncode == 255 and "Permission denied" in refused.stderr,
                      f"another key is refused: {refused}")


def boot_minimal(context):
    osie = build(context, "minimal", {})
    with Asked() as server:
        arguments = f"grpc_authority={HOST_SEEN_FROM_INSIDE}:{server.port} worker_id={MAC}"
        with Machine(context, "minimal", osie, arguments, "") as machine:
            # gRPC's messages are plain in HTTP/2's frames; the names of methods are not.
            wait_until(machine.check, lambda: MAC.encode() in server.said, "the agent's question")
    context.check(server.said.startswith(b"PRI * HTTP/2.0"), f"the agent speaks HTTP/2: {server.said!r}")


def build(context, name, replacements):
    site = context.out / f"{name}-site"
    site.mkdir()
    source = HERE / f"{name}.yaml"
    text = source.read_text(encoding="utf-8") if source.exists() else f"extends: ../{name}.yaml\nname: {name}\n"
    for word, value in replacements.items():
        text = text.replace(word, value)
    (site / "profile.yaml").write_text(text, encoding="utf-8")
    osie = context.out / name
    osie_image.build(osie, context.out / f"{name}-build.log", print, site)
    return osie


class Machine:
    """QEMU with the image as it is, behind its user network; the serial console is a socket."""

    def __init__(self, context, name, osie, arguments, network):
        self.console = Console(context.out / f"{name}-console.log")
        self._socket = context.out / f"{name}.sock"
        accel = vm.choose_acceleration(osie / "vmlinuz")
        self._service = Service(f"the machine “{name}” (QEMU)", [
            vm.PROGRAM, "-accel", "kvm" if accel == "kvm" else "tcg,thread=multi", "-smp", "2", "-m", "512",
            "-nodefaults", "-display", "none", "-no-reboot",
            "-chardev", f"socket,id=serial,path={self._socket},server=on,wait=off,logfile={self.console.path}",
            "-serial", "chardev:serial", "-device", "virtio-rng-pci",
            "-netdev", "user,id=net" + ("," + network if network else ""),
            "-device", f"virtio-net-pci,netdev=net,mac={MAC},romfile=", "-kernel", str(osie / "vmlinuz"),
            "-initrd", str(osie / "initramfs"), "-append", f"console=ttyS0,115200 {arguments}".strip()],
            context.out / f"{name}-qemu.log")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._service.stop()

    def check(self):
        self._service.check()

    def shell(self):
        return Shell(self, self._socket)


class Shell:
    """Whoever sits at the serial console."""

    def __init__(self, machine, path):
        self._machine = machine
        self._link = socket.socket(socket.AF_UNIX)
        wait_until(machine.check, path.exists, "QEMU's console socket")
        self._link.connect(str(path))
        threading.Thread(target=self._drain, daemon=True).start()
        # The shell's own prompt; whatever the kernel and the agent say stands between.
        machine.console.wait_for(r"# ", LIMIT_SECONDS, check=machine.check)

    def _drain(self):
        while self._link.recv(4096):
            pass

    def command(self, text, answer):
        self._link.sendall(text.encode() + b"\n")
        self._machine.console.wait_for(answer, LIMIT_SECONDS, check=self._machine.check)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def ssh(machine, port, key, command):
    """Runs a command on the machine, as soon as its SSH server answers at all."""
    def attempt():
        done = subprocess.run(
            ["ssh", "-F", "none", "-p", str(port), "-i", str(key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
             "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
             "-o", f"ConnectTimeout={int(LIMIT_SECONDS)}", "root@127.0.0.1", command],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        # QEMU takes connections before the machine does, and drops them.
        gone = done.returncode == 255 and "Permission denied" not in done.stderr
        return None if gone else done
    return wait_until(machine.check, attempt, "the machine's SSH server")


def wait_until(check, attempt, what):
    deadline = time.monotonic() + LIMIT_SECONDS
    while True:
        result = attempt()
        if result:
            return result
        check()
        if time.monotonic() > deadline:
            raise HarnessError(f"no sign of {what} after {LIMIT_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)


class Asked:
    """Where the server would be: takes connections, and keeps what is said."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.said = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._listen, args=(link,), daemon=True).start()

    def _listen(self, link):
        said = b""
        with link:
            while data := link.recv(4096):
                said += data
                self.said = said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()
