"""The isolated network of a sandbox: what it reaches and with which address, what it does not, who reaches it, what is
made on the machine's side and that all of it goes, also after kill -9. The machine and the outside are network namespaces;
the same in a machine with Debian's kernel and its modules is in sandbox-limits."""

import os
import pathlib
import shutil
import subprocess
import sys
import time

from harness import paths
from harness.errors import HarnessError
from harness.netns import NetworkNamespace
from harness.processes import Service

BUSYBOX = "/bin/busybox"
MACHINE, OUTSIDE = "192.0.2.2", "192.0.2.1"
PORT = 8000
LIMIT_SECONDS = 60.0  # against waiting for ever
# Tells each client its address.
SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = (self.client_address[0] + "\\n").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), Handler)
print("listening", flush=True)
server.serve_forever()
"""
RULES = """table ip osie0 {
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 172.30.0.0/24 oifname != "osie0" masquerade
	}

	chain forward {
		type filter hook forward priority filter; policy accept;
		iifname "osie*" oifname "osie*" drop
		iifname "osie*" accept
		oifname "osie*" ct state established,related accept
		oifname "osie*" drop
		drop
	}
}
"""


class Machine:
    """The machine's namespace, wired to the outside, and a root directory for sandboxes."""

    def __init__(self, context, machine, outside):
        self.context = context
        self.inside = machine
        self.outside = outside
        self.root = context.out / "rootfs"
        (self.root / "bin").mkdir(parents=True)
        shutil.copy(BUSYBOX, self.root / "bin/busybox")
        (self.root / "bin/sh").symlink_to("busybox")
        machine.run(["ip", "link", "add", "up0", "type", "veth", "peer", "name", "down0", "netns",
                     str(outside.pids()[0])])
        for namespace, card, address in ((machine, "up0", MACHINE), (outside, "down0", OUTSIDE)):
            namespace.run(["ip", "addr", "add", f"{address}/24", "dev", card])
            namespace.run(["ip", "link", "set", card, "up"])
        machine.run(["ip", "route", "add", "default", "via", OUTSIDE])
        # Somebody outside who knows where the sandboxes are.
        outside.run(["ip", "route", "add", "172.30.0.0/16", "via", MACHINE])
        # A new network forwards packets where the machine does.
        machine.run(["sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_forward"])
        self.services = [self.serve(outside, OUTSIDE), self.serve(machine, "127.0.0.1")]
        self.before = self.state()

    def serve(self, namespace, address):
        log = self.context.out / f"server-{address}.log"
        service = namespace.service(f"the server at {address}", [sys.executable, "-c", SERVER, address, str(PORT)], log)
        wait_for(lambda: "listening" in log.read_text(encoding="utf-8").splitlines(), f"the server at {address}", service)
        return service

    def words(self, script, *options):
        return self.inside.command([str(paths.program("tink-worker")), "sandbox", "--root", str(self.root), "--level",
                                    "restricted", "--network", "bridge", *options, "--", "/bin/busybox", "sh", "-c",
                                    script])

    def sandbox(self, script):
        return subprocess.run(self.words(script), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def state(self):
        """What must be the same afterwards."""
        return (self.inside.run(["ip", "-o", "link"]).count("\n"), self.inside.run(["nft", "list", "ruleset"]),
                self.forwarding())

    def forwarding(self):
        return self.inside.run(["cat", "/proc/sys/net/ipv4/ip_forward"]).strip()

    def has_link(self, name):
        return f" {name}" in self.inside.run(["ip", "-o", "link"])

    def check_clean(self, when):
        self.context.equal(self.state(), self.before, f"links, rules and ip_forward {when}")


def wait_for(condition, what, service=None):
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        if service:
            service.check()
        if time.monotonic() > deadline:
            raise HarnessError(f"waited {LIMIT_SECONDS:.0f} s for {what}", log=service.log if service else None)
        time.sleep(0.02)


def run(context):
    with NetworkNamespace(context.out / "machine.log") as inside, NetworkNamespace(context.out / "outside.log") as outside:
        machine = Machine(context, inside, outside)
        reaches(context, machine)
        is_not_reached(context, machine)
        killed(context, machine)
        refused(context, machine)
        for service in machine.services:
            service.stop()


def reaches(context, machine):
    url = f"http://{{}}:{PORT}/"
    done = machine.sandbox(f"wget -q -O - {url.format(OUTSIDE)}")
    context.equal((done.returncode, done.stdout), (0, MACHINE + "\n"),
                  f"the outside is reached with the machine's address ({done.stderr.strip()})")
    for address in ("127.0.0.1", "172.30.0.1", MACHINE):
        done = machine.sandbox(f"wget -q -O - {url.format(address)}")
        context.check(done.returncode == 1 and "refused" in done.stderr,
                      f"nothing of the machine's loopback is at {address}: {done}")
    machine.check_clean("after sandboxes that ended")


def is_not_reached(context, machine):
    log = context.out / "running.log"
    sandbox = Service("the sandbox", machine.words("nc -l -p 7777 -e /bin/busybox echo here & echo up; sleep infinity"), log)
    try:
        wait_for(lambda: "up" in log.read_text(encoding="utf-8").splitlines(), "the sandbox", sandbox)
        wait_for(lambda: listens(sandbox), "its listener", sandbox)
        context.equal(machine.inside.run(["nft", "list", "table", "ip", "osie0"]), RULES, "the rules, as nft reads them")
        context.equal(machine.forwarding(), "1", "ip_forward while it runs")
        connect = "import socket, sys; print(socket.create_connection((sys.argv[1], 7777), 2).recv(9).decode())"
        words = [sys.executable, "-c", connect, "172.30.0.2"]
        outer = subprocess.run(machine.outside.command(words), capture_output=True, text=True, check=False)
        context.check(outer.returncode != 0 and "timed out" in outer.stderr, f"the outside does not get in: {outer}")
        context.equal(machine.inside.run(words), "here\n\n", "the machine does, so there was a listener")
    finally:
        sandbox.stop()
    machine.check_clean("after SIGTERM")


def listens(sandbox):
    """Whether a program in the sandbox's network listens on port 7777."""
    inner = inner_pid(sandbox)
    try:
        return inner is not None and any(":1E61" in pathlib.Path("/proc", str(inner), "net", file).read_text(encoding="utf-8")
                                         for file in ("tcp", "tcp6"))
    except OSError:
        return False


def inner_pid(sandbox):
    """The first of the service's descendants whose network is not the service's own; None before there is one."""
    children = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(path.parent.name))
    outer, waiting = network_of(sandbox.process.pid), [sandbox.process.pid]
    while waiting:
        pid = waiting.pop(0)
        if network_of(pid) not in (None, outer):
            return pid
        waiting += children.get(pid, [])
    return None


def network_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return None


def killed(context, machine):
    log = context.out / "killed.log"
    sandbox = Service("the sandbox", machine.words("echo up; sleep infinity"), log)
    wait_for(lambda: "up" in log.read_text(encoding="utf-8").splitlines(), "the sandbox", sandbox)
    sandbox.kill()
    wait_for(lambda: not machine.has_link("osie0p"), "the end of the program whose supervisor was killed")
    context.check(machine.has_link("osie0"), "the bridge is left over")
    done = machine.sandbox(f"wget -q -O - http://{OUTSIDE}:{PORT}/")
    context.equal((done.returncode, done.stdout), (0, MACHINE + "\n"), f"the next sandbox ({done.stderr.strip()})")
    machine.check_clean("after the next sandbox has ended")


def refused(context, machine):
    for network in ("container:other", "mynet"):
        done = subprocess.run(
            machine.inside.command([str(paths.program("tink-worker")), "run", "--store", str(context.out / "store"),
                                    "--policy", str(context.out / "none"), "--network", network, "127.0.0.1:1/x:1"]),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        context.check(done.returncode == 125 and f'policy rule "namespaces" refuses: the network "{network}"' in done.stderr,
                      f"the network {network} is refused by name of the rule: {done}")
    machine.check_clean("after refusals")
