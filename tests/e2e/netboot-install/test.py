"""The demo's scenario with assertions: the server's event log, the disk's contents, the console."""

import json

from harness import paths, scenario
from harness.processes import output_of
from harness.vm import file_system_command

ACTIONS = ["stream image", "write host name", "reboot"]
PARTITION_START_BYTES = 1024 * 1024


def run(context):
    settings = context.prepare()
    with scenario.Scenario(settings, context.report) as chain:
        chain.prepare_network()
        chain.submit()
        chain.start_machine()
        status = chain.install()
        login = chain.boot_from_disk()
        events = chain.server.events(chain.workflow)
        all_events = chain.server.events()
        chain.machine.power_off()
        (context.out / "events.json").write_text(json.dumps(events, indent=2), encoding="utf-8")
        check_workflow(context, status)
        check_events(context, events)
        check_netboots(context, all_events)
        check_console(context, chain.console.text)
        context.equal(login, scenario.HARDWARE_HOSTNAME, "the host name at the login prompt")
        check_disk(context, chain.machine.disk)


def check_workflow(context, status):
    context.equal([action["name"] for action in status["actions"]], ACTIONS, "the workflow's actions")
    for action in status["actions"]:
        context.equal(scenario.short_state(action), "SUCCESS", f"the state of “{action['name']}”")


def check_events(context, events):
    sequence = [event["sequence"] for event in events]
    context.equal(sequence, sorted(set(sequence)), "the events' sequence numbers, which only ever rise")
    kinds = [event["kind"] for event in events]
    context.check("workflow.created" in kinds, f"an event workflow.created among {kinds}")
    context.equal(kinds.count("action.started"), len(ACTIONS), "the number of actions that were started")


def check_netboots(context, events):
    """The machine netboots twice: for the installation, and after the reboot had been reported."""
    def sequences(kind):
        return [event["sequence"] for event in events if event["kind"] == kind]
    scripts, finished = sequences("http.script"), sequences("action.finished")
    context.equal(len(scripts), 2, "the number of boot scripts that were fetched")
    context.equal(len(finished), len(ACTIONS), "the number of actions that finished")
    context.check(scripts[0] < finished[0] and finished[-1] < scripts[1],
                  f"the second script ({scripts[1]}) comes after the reboot's report ({finished[-1]})")
    context.check("ra.sent" in [event["kind"] for event in events], "iPXE's router solicitation was answered")


def check_console(context, text):
    for sign in ("Run /init as init process", "tink-worker", *ACTIONS):
        context.check(sign in text, f"“{sign}” on the machine's console")
    # The kernel tells its arguments: those that the image's builder chose are among them, before the operator's.
    line = next(line for line in text.splitlines() if "Kernel command line:" in line)
    chosen = json.loads((paths.OUT / "virtual" / "manifest.json").read_text(encoding="utf-8"))["kernel"]["cmdline"]
    words = [word for word in chosen.split() if not word.startswith("console=")]
    context.check("initramfs_options=size=90%" in words, f"the image's builder chose the size of the root: {chosen}")
    context.check(f"{' '.join(words)} " in line.partition(" insecure_registries=")[0] + " ",
                  f"“{' '.join(words)}” before the operator's arguments in: {line}")
    context.check("console=tty0" not in line, "the operator's console stands alone")
    context.check(text.index("Run /init") < text.index(" login:"), "the installation comes before the login prompt")


def check_disk(context, disk):
    table = json.loads(output_of(["sfdisk", "--json", str(disk)]))["partitiontable"]
    context.equal(table["label"], "dos", "the kind of partition table on the disk")
    context.equal([part["start"] * 512 for part in table["partitions"]], [PARTITION_START_BYTES],
                  "where the disk's partitions start")
    context.equal(file_system_command(disk, PARTITION_START_BYTES, "cat /etc/hostname"),
                  scenario.HARDWARE_HOSTNAME + "\n", "/etc/hostname in the installed file system")
    about = file_system_command(disk, PARTITION_START_BYTES, "stat /etc/hostname")
    context.check("Mode:  0644" in about, f"mode 0644 for /etc/hostname, among: {about}")
