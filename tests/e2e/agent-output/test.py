"""What actions print arrives in the agent's log, at a syslog server and at osie-server, whole and in order: 100,000 lines
as fast as they come, with osie-server killed in between. Failed actions leave their output and, where the policy says so,
their file system."""

import contextlib
import json
import os
import pathlib
import re

from harness import paths, ports
from harness.netns import SERVER_ADDRESS, NetworkNamespace
from harness.processes import output_of
from harness.registry import Registry
from harness.static_image import make_source_layout

HERE = pathlib.Path(__file__).parent
LINES = 100_000
GRPC = f"{SERVER_ADDRESS}:42113"
SECONDS = 300.0
LONGEST_LINE = 8192
# Names are short, so that all of the output fits into every buffer on its way, however slow the machine is.
WORKER = "w1"


def run(context):
    with contextlib.ExitStack() as stack:
        namespace = stack.enter_context(NetworkNamespace(context.out / "netns.log"))
        registry = Registry(namespace, context.out, context.out)
        stack.callback(registry.stop)
        registry.wait()
        Output(context, namespace, registry, stack).play()


class Output:
    def __init__(self, context, namespace, registry, stack):
        self.context, self.namespace, self.registry, self.stack = context, namespace, registry, stack
        self.shared = context.out / "shared"
        self.syslog = context.out / "syslog"
        self.store, self.journal = context.out / "store", context.out / "journal"
        for folder in (self.shared, self.syslog):
            folder.mkdir()
        self.server = None

    def play(self):
        layout = make_source_layout(self.context.out, HERE / "action.c", self.context.out / "image.log")
        image = self.registry.push(layout, "test/output")["tag"]
        self.start_server()
        port = self.start_syslog()
        workflow = self.submit(image)
        follower = self.service("follower", [*self.tink_command("logs", workflow, "--follow", "--json")], "followed")
        agent = self.start_agent(port)
        ports.wait_until(lambda: len(self.read("followed").splitlines()) > 1000, agent, SECONDS, "no output comes")
        self.server.kill()
        (self.shared / "go").touch()
        self.start_server()
        self.context.equal(follower.process.wait(SECONDS), 0, "how `tink logs --follow` ended, with the workflow")
        agent.stop()
        self.check_server(workflow)
        self.check_log_and_syslog()
        self.check_failure(workflow)

    def service(self, name, command, log, environment=None):
        service = self.namespace.service(name, command, self.context.out / log, environment)
        self.stack.callback(service.stop)
        return service

    def start_server(self):
        self.server = self.service("osie-server", [
            str(paths.program("osie-server")), "--no-netboot", "--data", str(self.context.out / "data"), "--grpc-listen",
            SERVER_ADDRESS, "--grpc-port", GRPC.rpartition(":")[2]], "server.log")

    def start_syslog(self):
        service = self.service("syslog server", ["/usr/bin/python3", str(HERE / "syslog.py"), SERVER_ADDRESS,
                                                 str(self.syslog)], "syslog.log")
        ports.wait_until((self.syslog / "port").exists, service, SECONDS, "the syslog server did not start")
        return (self.syslog / "port").read_text(encoding="utf-8")

    def start_agent(self, syslog_port):
        policy = self.context.out / "policy.json"
        policy.write_text(json.dumps({"base": "compatible", "rules": [{"name": "all", "images": ["**"], "keep_failed": True}]}),
                          encoding="utf-8")
        environment = {**os.environ, "INSECURE_REGISTRIES": self.registry.address}
        return self.service("agent", [
            str(paths.program("tink-worker")), "--id", WORKER, "--grpc-server", GRPC, "--store", str(self.store),
            "--journal", str(self.journal), "--policy", str(policy), "--syslog-host",
            f"tcp://{SERVER_ADDRESS}:{syslog_port}", "--backoff-max-interval", "500ms"], "agent.log", environment)

    def tink_command(self, *words):
        return [str(paths.program("tink")), "--server", GRPC, *words]

    def tink(self, *words):
        return output_of(self.namespace.command(self.tink_command(*words)), self.context.out / "tink.log")

    def submit(self, image):
        ports.wait_until(self.server_answers, self.server, SECONDS, "osie-server did not start")
        self.tink("hardware", "push", str(HERE / "hardware.yaml"))
        self.tink("template", "create", "--name", "output", str(HERE / "template.yaml"))
        return self.tink("workflow", "create", "--template", "output", "--hardware", "machine-1", "--set",
                         f"image={image}", "--set", f"shared={self.shared}").strip()

    def server_answers(self):
        return "ready:" in self.read("server.log")

    def read(self, name):
        file = self.context.out / name
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def check_server(self, workflow):
        kept = [json.loads(line) for line in self.tink("logs", workflow, "--json").splitlines()]
        flood = [line["text"] for line in kept if line.get("action") == "flood"]
        self.context.check(flood == [str(number) for number in range(LINES)],
                           f"{LINES} lines in order at osie-server, which has {len(flood)}", self.context.out / "agent.log")
        followed = [json.loads(line) for line in self.read("followed").splitlines() if line.startswith("{")]
        self.context.check(followed == kept, "the follower heard the same, through the server's death")
        numbers = [line["line"] for line in kept if line["action"] == "flood"]
        self.context.check(numbers == list(range(LINES)), "the lines' numbers")
        long = [line for line in kept if line["action"] == "long"]
        letters = "".join(line["text"] for line in long if line["stream"] == "stdout")
        self.context.equal(len(letters), 20000, "letters of a long line, in pieces")
        self.context.equal(max(len(line["text"]) for line in long), LONGEST_LINE, "the longest piece")
        self.context.equal([line["text"] for line in long if line["stream"] == "stderr"], ["an error"], "standard error")
        only = self.tink("logs", workflow, "--action", "fail")
        self.context.check(re.fullmatch(r"\d{4}-\d\d-\d\d [\d:.]{12}  fail \| the reason\n", only) is not None,
                           f"one action's output as people read it: {only}")

    def check_log_and_syslog(self):
        logged = re.findall(r" flood \| (\d+)$", self.read("agent.log"), re.MULTILINE)
        self.context.check(logged == [str(number) for number in range(LINES)],
                           f"{LINES} lines in order in the agent's log, which has {len(logged)}")
        messages = re.findall(r"^<30>1 \S+Z w1 flood - - - (\d+)$", self.read("syslog/messages"), re.MULTILINE)
        self.context.check(messages == logged, f"the same at the syslog server, which has {len(messages)}")

    def check_failure(self, workflow):
        status = json.loads(self.tink("workflow", "get", workflow, "--json"))
        self.context.equal([action["state"] for action in status["actions"]], ["SUCCESS", "SUCCESS", "FAILED"],
                           "how the actions ended")
        outputs = [file.read_text(encoding="utf-8") for file in self.journal.glob("actions/*/output/*.log")]
        self.context.check(any("stdout F the reason" in text for text in outputs),
                           "the failed action's output is kept on the machine")
        self.context.equal((self.store / "failed" / "upper" / "changed").read_text(encoding="utf-8"), "by the action",
                           "the failed action's file system is kept where the policy says so")
