"""Servers that hang while their kernel goes on answering for them (SIGSTOP), in the middle of a workflow: the agent finds
them by HTTP/2 PING, makes a new connection when they go on or have been started again, and reports once. That takes the
agent a minute and a half by its own times, in which the rest of the scenario plays."""

import json
import os
import pathlib
import re
import signal

from harness import paths, ports
from harness.netns import SERVER_ADDRESS
from harness.processes import output_of

HERE = pathlib.Path(__file__).parent
SIGN = "HTTP/2 PING"
RUNNING, SUCCESS, FAILED = 2, 5, 3  # on the wire of today's protocol
SECONDS = 600.0
TEMPLATE = """version: "0.1"
name: hung
global_timeout: 3600
tasks:
  - name: task
    worker: "{worker}"
    actions:
      - name: first
        image: "{image}"
        command: [once, /shared/first, /shared/go]
        volumes: ["{shared}:/shared"]
      - name: second
        image: "{image}"
        command: [once, /shared/second, /shared/go]
        volumes: ["{shared}:/shared"]
"""
HARDWARE = """apiVersion: tinkerbell.org/v1alpha1
kind: Hardware
metadata: {{name: machine-1}}
spec:
  interfaces:
    - dhcp: {{mac: "{worker}"}}
"""


def read(file):
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


class Play:
    """An agent and a server of its own. begin() leads to the server that hangs, end() waits for the rest."""

    def __init__(self, context, namespace, name, stack, agent):
        self.context, self.namespace, self.stack, self.start_agent = context, namespace, stack, agent
        self.name = name
        self.folder = context.out / f"hung-{name}"
        self.folder.mkdir()
        self.agent = None

    def service(self, name, command, log):
        service = self.namespace.service(name, command, self.folder / log)
        self.stack.callback(service.stop)
        return service

    def log(self):
        return read(self.folder / "agent.log")

    def wait_for_discovery(self):
        ports.wait_until(lambda: SIGN in self.log(), self.agent, SECONDS, f"{self.name}: the agent has not noticed")


class OsieServer(Play):
    """osie-server is stopped while the first action runs, and goes on after the agent has noticed."""

    def __init__(self, context, namespace, image, worker, stack, agent):
        super().__init__(context, namespace, "osie-server", stack, agent)
        self.image, self.worker = image, worker
        self.shared = self.folder / "shared"
        self.shared.mkdir()
        self.port = str(ports.free_ports(namespace, SERVER_ADDRESS, 1)[0])
        self.server, self.workflow = None, ""

    def tink(self, *words):
        command = [str(paths.program("tink")), "--server", f"{SERVER_ADDRESS}:{self.port}", *words]
        return output_of(self.namespace.command(command), self.folder / "tink.log")

    def begin(self):
        self.server = self.service("osie-server", [
            str(paths.program("osie-server")), "--no-netboot", "--data", str(self.folder / "data"), "--grpc-listen",
            SERVER_ADDRESS, "--grpc-port", self.port], "server.log")
        ports.wait_until(lambda: "ready:" in read(self.folder / "server.log"), self.server, SECONDS,
                         "osie-server did not start")
        files = {"hardware.yaml": HARDWARE.format(worker=self.worker),
                 "template.yaml": TEMPLATE.format(worker=self.worker, image=self.image, shared=self.shared)}
        for name, text in files.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        self.tink("hardware", "push", str(self.folder / "hardware.yaml"))
        self.tink("template", "create", "--name", "hung", str(self.folder / "template.yaml"))
        self.workflow = self.tink("workflow", "create", "--template", "hung", "--hardware", "machine-1").strip()
        self.agent = self.start_agent(self.folder, self.port)
        ports.wait_until((self.shared / "first").exists, self.agent, SECONDS, "the first action does not run")
        os.kill(self.server.process.pid, signal.SIGSTOP)
        (self.shared / "go").touch()
        ports.wait_until(lambda: 'action "first": SUCCESS' in self.log(), self.agent, SECONDS,
                         "the first action does not end")

    def state(self):
        return json.loads(self.tink("workflow", "get", self.workflow, "--json"))["state"].removeprefix("STATE_")

    def end(self):
        self.wait_for_discovery()
        os.kill(self.server.process.pid, signal.SIGCONT)
        ports.wait_until(lambda: self.state() == "SUCCESS", self.agent, SECONDS, f"{self.name}: no success")
        text = self.tink("events", self.workflow, "--json").strip()
        events = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
        kinds = [event["kind"] for event in events]
        for kind in ("action.started", "action.finished"):
            self.context.equal(kinds.count(kind), 2, f"{self.name}: events {kind} of two actions")
        for name in ("first", "second"):
            self.context.equal(read(self.shared / name), "x", f"{self.name}: how often the action {name} has run")
            lines = re.findall(rf"  {name} \| (.*)", self.tink("logs", self.workflow, "--action", name))
            self.context.equal(lines, ["begins", "ends"], f"{self.name}: the output of {name} at the server")


class GrpcioServer(Play):
    """A server of grpcio stops itself before it answers a report, is killed, and another one takes its place."""

    def __init__(self, context, namespace, image, stack, agent):
        super().__init__(context, namespace, "agent", stack, agent)
        self.image, self.server, self.port = image, None, ""

    def start_server(self, faults, port):
        (self.folder / "port").unlink(missing_ok=True)
        self.server = self.service("workflow server", [
            "/usr/bin/python3", str(HERE / "server.py"), "agent", SERVER_ADDRESS, str(self.folder), self.image,
            faults, port], "server.log")
        ports.wait_until((self.folder / "port").exists, self.server, SECONDS, "the workflow server did not start")
        self.port = read(self.folder / "port")

    def reports(self):
        text = read(self.folder / "events.jsonl")
        events = [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]
        return [(one["name"], one["state"]) for one in events if one["kind"] == "report"]

    def begin(self):
        self.start_server("hung", "0")
        self.agent = self.start_agent(self.folder, self.port)
        # Later plays have actions of the same names, which must not run at the same time.
        ports.wait_until(lambda: ("data", SUCCESS) in self.reports(), self.agent, SECONDS, f"{self.name}: no report")

    def end(self):
        self.wait_for_discovery()
        self.server.kill()
        self.start_server("none", self.port)
        # The report that was never answered comes again; the action does not run again.
        wanted = [("say", RUNNING), ("say", SUCCESS), ("data", RUNNING), ("data", SUCCESS), ("data", SUCCESS),
                  ("fail", RUNNING), ("fail", FAILED)]
        ports.wait_until(lambda: len(self.reports()) >= len(wanted), self.agent, SECONDS,
                         f"{self.name}: the reports are not here")
        self.agent.stop()
        self.context.equal(self.reports(), wanted, f"{self.name}: the reports")
        self.context.equal(self.log().count("data | GREETING="), 1, f"{self.name}: how often the action has run")
