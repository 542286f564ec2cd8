"""A machine with UEFI firmware netboots by the firmware's own PXE client, runs an action, and is sent away afterwards. It is
air-gapped: it carries the action's image, whose registry does not exist."""

import pathlib
import shutil
import time

from harness import osie_image, scenario

SENT_AWAY = "tftp.sent_away"
# As the template names it. No name below .invalid is ever resolved (RFC 6761).
IMAGE = "registry.invalid/actions/reboot:v1"
PROFILE = f"""extends: ../virtual.yaml
name: carries-its-image
images:
  - {{name: '{IMAGE}', source: reboot}}
"""


def run(context):
    settings = context.prepare(("reboot",))
    settings.template = pathlib.Path(__file__).with_name("template.yaml")
    settings.firmware = "uefi"
    settings.osie = build_with_image(context, settings.layouts.pop("reboot"))
    with scenario.Scenario(settings, context.report) as chain:
        chain.prepare_network()
        chain.submit()
        chain.start_machine()
        chain.install()
        check_chain(context, wait_until_sent_away(context, chain))
        context.check(f"image {IMAGE} is one that this machine carries" in chain.console.text,
                      "the agent says that the image came from the machine's own", chain.machine.console)


def build_with_image(context, layout):
    site, osie = context.out / "site", context.out / "osie"
    shutil.copytree(layout, site / "reboot")
    (site / "profile.yaml").write_text(PROFILE, encoding="utf-8")
    osie_image.build(osie, context.out / "osie.log", context.report.say, site)
    return osie


def wait_until_sent_away(context, chain):
    """The (kind, text) of all events once the firmware, after the workflow, has asked again."""
    deadline = time.monotonic() + scenario.BOOT_LIMIT_SECONDS
    while time.monotonic() < deadline:
        events = [(event["kind"], event["text"]) for event in chain.server.events()]
        if any(kind == SENT_AWAY for kind, _ in events):
            return events
        chain.machine.check()
        time.sleep(scenario.POLL_SECONDS)
    context.check(False, "the firmware asks again after the workflow and is sent to its disk", chain.machine.console)


def check_chain(context, events):
    """The firmware got iPXE for its architecture, and iPXE one script, before the workflow; nothing after it."""
    files = [text for kind, text in events if kind == "tftp.read"]
    context.check(files and all(".efi" in text for text in files), f"only iPXE for UEFI among the files read: {files}")
    context.check(any(kind == "tftp.done" and "blocks" in text for kind, text in events), "a whole file was read")
    context.equal(sum(kind == "http.script" for kind, _ in events), 1, "the number of boot scripts that were fetched")
    finished = next(number for number, (kind, _) in enumerate(events) if kind == "action.finished")
    sent_away = next(number for number, (kind, _) in enumerate(events) if kind == SENT_AWAY)
    context.check(finished < sent_away, "the firmware is sent away after the action")
