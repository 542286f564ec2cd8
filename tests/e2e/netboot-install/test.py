"""The demo's scenario with assertions: the server's event log, the disk's contents, the console, and what the agent has
told the server about its machine, against what QEMU was given."""

import json
import pathlib
import re

from harness import paths, scenario, vm
from harness.processes import output_of
from harness.vm import file_system_command

ACTIONS = ["stream image", "write host name", "reboot"]
PARTITION_START_BYTES = 1024 * 1024


def run(context):
    settings = context.prepare()
    settings.record_calls = True
    with scenario.Scenario(settings, context.report) as chain:
        chain.prepare_network()
        chain.submit()
        chain.start_machine()
        status = chain.install()
        login = chain.boot_from_disk()
        events = chain.server.events(chain.workflow)
        all_events = chain.server.events()
        pci = chain.machine.qmp("query-pci")
        chain.machine.power_off()
        (context.out / "events.json").write_text(json.dumps(events, indent=2), encoding="utf-8")
        check_workflow(context, status)
        check_events(context, events)
        check_netboots(context, all_events)
        check_console(context, chain.console.text)
        context.equal(login, scenario.HARDWARE_HOSTNAME, "the host name at the login prompt")
        check_disk(context, chain.machine.disk)
        asked = chain.recorded("/proto.WorkflowService/GetAction")
        context.check(len(asked) >= len(ACTIONS), f"the machine has asked for every action, {len(asked)} times")
        for question in asked:
            context.equal(question.text(1), scenario.MAC, "who asks")
        # The first may come before the disk's driver has found the disk; the last comes after it was written.
        check_attributes(context, asked[-1].message(2), settings.accel, pci, chain.console.text)


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


def check_attributes(context, told, accel, pci, console):
    """proto/workflow.proto's AgentAttributes, as they came in at the server's side."""
    check_processors(context, told.message(1), accel)
    check_memory(context, told.message(2), console)
    disks = [[disk.text(field) for field in range(1, 10)] for disk in told.messages(3)]
    # A virtio disk has neither model nor world wide name; its vendor is virtio's.
    context.equal(disks, [["vda", "virtio", "HDD", "1GB", "512B", "0x1af4", "", "", vm.DISK_SERIAL]], "the disks")
    networks = [[network.text(field) for field in range(1, 4)] for network in told.messages(4)]
    context.equal(networks, [["eth0", scenario.MAC, f"{vm.NETWORK_SPEED}Mb/s"]], "the network interfaces")
    check_pci(context, told, pci)
    smbios = vm.SMBIOS
    context.equal([told.message(7).text(1), told.message(7).text(2)],
                  [smbios[3]["serial"], smbios[3]["manufacturer"]], "the chassis")
    context.equal([told.message(8).text(field) for field in (1, 2, 3)], list(smbios[0].values()), "the firmware")
    context.equal([told.message(9).text(field) for field in (1, 2, 3, 4)], list(smbios[2].values()), "the board")
    context.equal([told.message(10).text(field) for field in (1, 2, 3)],
                  [smbios[1]["product"], smbios[1]["manufacturer"], smbios[1]["serial"]], "the product")


def check_processors(context, told, accel):
    context.equal([told.number(1), told.number(2)], [vm.CORES, vm.CORES], "cores and threads")
    sockets = [[socket.number(field) for field in (1, 2, 3)] for socket in told.messages(3)]
    context.equal(sockets, [[0, vm.CORES, vm.CORES]], "number, cores and threads of the sockets")
    model = told.message(3).text(5)
    if accel == "kvm":
        context.check(f": {model}\n" in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"),
                      f"the processor is the host's, not {model}")
    else:
        context.check(model.startswith("QEMU Virtual CPU"), f"the processor is QEMU's, not {model}")
    context.check("lm" in told.message(3).texts(6), "the processor has the 64 bits that the kernel runs in")


def check_memory(context, told, console):
    context.equal(told.text(1), f"{vm.MEMORY_MIB}MB", "the memory")
    # Usable is /proc/meminfo's MemTotal: what the kernel has not reserved, and what it frees of that until init runs.
    present, reserved = map(int, re.search(r"Memory: \d+K/(\d+)K available \(.* (\d+)K reserved", console).groups())
    freed = sum(int(size) for size in re.findall(r"Freeing .* memory: (\d+)K", console.partition("Run /init")[0]))
    low, high = -(-(present - reserved) // 1024), -(-(present - reserved + freed) // 1024)
    usable = told.text(2)
    context.check(usable.endswith("MB") and low <= int(usable.removesuffix("MB")) <= high,
                  f"{low} to {high} MB are usable, not {usable}")


def check_pci(context, told, pci):
    """Vendor, device and class of every PCI device that QEMU has, and the drivers of those that need one."""
    given = sorted([f"0x{device['id']['vendor']:04x}", f"0x{device['id']['device']:04x}",
                    f"0x{device['class_info']['class']:04x}"] for bus in pci for device in bus["devices"])
    seen = sorted([device.text(1), device.text(2), device.text(3)[:6]] for device in told.messages(5))
    context.equal(seen, given, "the PCI devices")
    virtio = [device.text(4) for device in told.messages(5) if device.text(1) == "0x1af4"]
    context.check(len(virtio) >= 2 and virtio.count("virtio-pci") >= 2, f"disk and card have their driver: {virtio}")
    context.equal(len(told.messages(6)), 0, "graphics cards")
