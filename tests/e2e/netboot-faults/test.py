"""The install completes though the agent is killed in the middle of an action, the server is killed with -9 in the
middle of the transfer, and the machine's network cable is out for 20 s. Then the installed kernel is started by kexec."""

import json
import pathlib
import time

from harness import scenario, stages
from harness.vm import file_system_command

STREAM = "stream image"
CABLE_OUT_SECONDS = 20.0
SERVER_DOWN_SECONDS = 3.0
# Slow enough that all the faults fall into the transfer.
IMAGE_BYTES_PER_SECOND = 2_500_000
PARTITION_START_BYTES = 1024 * 1024


class Faults:
    """Injects one fault at a time while the image streams: the server, then the cable."""

    def __init__(self, context, chain):
        self._context = context
        self._chain = chain
        self.done = []

    def __call__(self, status):
        streaming = any(action["name"] == STREAM and scenario.short_state(action) == "RUNNING"
                        for action in status["actions"])
        if not streaming:
            return
        if "server" not in self.done:
            self.done.append("server")
            self._context.report.say("  fault: kill -9 of osie-server")
            self._chain.server.kill()
            time.sleep(SERVER_DOWN_SECONDS)
            self._chain.server.start()
            self._context.report.say("  osie-server is back")
        elif "cable" not in self.done:
            self.done.append("cable")
            self._context.report.say("  fault: the network cable is pulled")
            self._chain.machine.set_cable(False)
            time.sleep(CABLE_OUT_SECONDS)
            self._chain.machine.set_cable(True)
            self._context.report.say("  the network cable is in again")


def run(context):
    settings = context.prepare((*stages.DEMO_ACTIONS, "kexec", "testing/killagent"))
    settings.template = pathlib.Path(__file__).with_name("template.yaml")
    settings.image_bytes_per_second = IMAGE_BYTES_PER_SECOND
    with scenario.Scenario(settings, context.report) as chain:
        chain.prepare_network()
        chain.submit()
        chain.start_machine()
        faults = Faults(context, chain)
        status = chain.install(faults)
        context.equal(faults.done, ["server", "cable"], "the faults that fell into the transfer")
        (context.out / "workflow.json").write_text(json.dumps(status, indent=2), encoding="utf-8")
        by_name = {action["name"]: action for action in status["actions"]}
        killer = by_name["kill the agent"]
        context.equal((int(killer.get("offers", 0)), scenario.short_state(killer)), (1, "SUCCESS"),
                      "how often the action whose agent was killed was handed out, and its state")
        # What the killed agent had logged last may be there twice.
        context.check("killing the agent" in chain.console.text, "the action's first line is on the console")
        for line in ("was started by an earlier agent", "there is another agent"):
            context.equal(chain.console.text.count(line), 1, f"lines with “{line}” on the machine's console")
        login = chain.boot_from_disk()
        check_output(context, chain)
        check_kexec(context, chain)
        chain.machine.power_off()
        context.equal(login, scenario.HARDWARE_HOSTNAME, "the host name at the login prompt")
        context.equal(file_system_command(chain.machine.disk, PARTITION_START_BYTES, "cat /etc/hostname"),
                      scenario.HARDWARE_HOSTNAME + "\n", "/etc/hostname in the installed file system")


def check_output(context, chain):
    """What the actions printed is at the server once, though it and the agent were killed."""
    lines = [json.loads(line) for line in chain.server.tink("logs", chain.workflow, "--json").splitlines()]
    context.check(not [line for line in lines if "missing_lines" in line], "no line of the output is missing")
    runs = {(line["action"], line["run"]): [] for line in lines}
    for line in lines:
        runs[line["action"], line["run"]].append(line["line"])
    for (action, _), numbers in runs.items():
        context.equal(numbers, list(range(len(numbers))), f"the numbers of the lines of “{action}”")
    texts = [line["text"] for line in lines if line["action"] == "kill the agent"]
    context.equal([sum(sign in text for text in texts) for sign in ("killing the agent", "there is another agent")], [1, 1],
                  f"how often the lines of the action that killed its agent are at the server: {texts}")


def check_kexec(context, chain):
    """One netboot only: the installed kernel came without the firmware, after the report."""
    kinds = [event["kind"] for event in chain.server.events()]
    context.equal(kinds.count("http.script"), 1, "the number of boot scripts that were fetched")
    context.check("workflow.finished" in kinds, "the workflow's end was reported before")
    for sign in ("its success is acknowledged", "start of the loaded kernel asked for", "all stopped; start of the loaded kernel"):
        context.check(sign in chain.console.text, f"“{sign}” on the machine's console", chain.machine.console)
