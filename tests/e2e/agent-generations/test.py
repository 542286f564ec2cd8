"""The agent serves every generation of Tinkerbell's servers, without being told which it is: today's, tink v0.9, v0.2
and v0.1. A server made with grpcio plays each, once as it should be, once with calls that are broken off, and once with
answers that make no sense and a stall; and one of them with as much data as a workflow may have. Beside them today's
protocol is played by two servers that hang (hung.py)."""

import contextlib
import json
import os
import pathlib
import sys

from harness import paths, ports
from harness.netns import SERVER_ADDRESS, NetworkNamespace
from harness.registry import Registry
from harness.static_image import make_source_layout

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
import hung  # noqa: E402 (beside this file)

# Debian's, which has grpcio, whatever python3 is first in the path.
PYTHON = "/usr/bin/python3"
GENERATIONS = ("agent", "kubernetes", "long", "first")
WORKER = "52:54:00:00:00:01"
# Numbers of running, success, failed and timeout on the wire.
STATES = {"agent": (2, 5, 3, 4), "kubernetes": (1, 4, 2, 3), "long": (1, 4, 2, 3), "first": (1, 2, 3, 4)}
MIB = 1 << 20
SECONDS = 120.0
# Mount points, which only the agent's own mount namespace sees something on.
MOUNT_POINTS = (pathlib.Path("/worker"), pathlib.Path("/statedir"))
START = "mount -t tmpfs tmpfs /worker && mount -t tmpfs tmpfs /statedir && exec \"$@\""


def run(context):
    with contextlib.ExitStack() as stack:
        for mount_point in MOUNT_POINTS:
            if not mount_point.exists():
                mount_point.mkdir()
                stack.callback(mount_point.rmdir)
        namespace = stack.enter_context(NetworkNamespace(context.out / "netns.log"))
        registry = Registry(namespace, context.out, context.out)
        stack.callback(registry.stop)
        registry.wait()
        layout = make_source_layout(context.out, HERE / "action.c", context.out / "image.log")
        image = registry.push(layout, "test/action")["tag"]

        def agent(folder, port):
            return start_agent(namespace, registry, folder, port)

        hanging = hung.OsieServer(context, namespace, image, WORKER, stack, agent)
        stopping = hung.GrpcioServer(context, namespace, image, stack, agent)
        hanging.begin()
        stopping.begin()
        for generation in GENERATIONS:
            for faults in ("none", "faults", "wrong", *(("large",) if generation == "long" else ())):
                play(context, namespace, registry, image, generation, faults)
        hanging.end()
        stopping.end()


def start_agent(namespace, registry, folder, port):
    environment = {**os.environ, "DOCKER_REGISTRY": registry.address, "INSECURE_REGISTRIES": registry.address}
    return namespace.service("agent", [
        "unshare", "--mount", "sh", "-c", START, "sh", str(paths.program("tink-worker")), "--id", WORKER,
        "--grpc-server", f"{SERVER_ADDRESS}:{port}", "--store", str(folder / "store"), "--journal",
        str(folder / "journal"), "--backoff-max-interval", "500ms"], folder / "agent.log", environment)


def play(context, namespace, registry, image, generation, faults):
    folder = context.out / f"{generation}-{faults}"
    folder.mkdir()
    what = f"{generation}, {faults}"
    # Old servers name images without the registry, which is their workers' to put before it.
    named = image if generation == "agent" else image.removeprefix(registry.address + "/")
    server = namespace.service("workflow server", [PYTHON, str(HERE / "server.py"), generation, SERVER_ADDRESS,
                                                   str(folder), named, faults], folder / "server.log")
    ports.wait_until((folder / "port").exists, server, SECONDS, "the workflow server did not start")
    port = (folder / "port").read_text(encoding="utf-8")
    agent = start_agent(namespace, registry, folder, port)
    old, posted = generation != "agent", generation in ("long", "first")
    running, success, failed, timeout = STATES[generation]
    last, second = ("late", "late (on-timeout)") if faults == "wrong" else ("fail", "fail (on-failure)")
    wanted = []
    for name, end in (("say", success), ("data", success), (last, timeout if faults == "wrong" else failed)):
        wanted += [(name, running)] + [(name, end)] * (2 if faults == "faults" else 1)
    if faults == "wrong" and old:
        del wanted[0]  # the server says already that it runs
    try:
        ports.wait_until(lambda: len(reports(folder)) >= len(wanted), agent, SECONDS, f"{what}: the reports are not here")
        if posted:
            ports.wait_until(lambda: f'"{second}": SUCCESS' in log(folder), agent, SECONDS,
                             f"{what}: the command for a failure or a timeout did not run")
    finally:
        agent.stop()
        server.stop()
    context.equal([(one["name"], one["state"]) for one in reports(folder)], wanted, f"{what}: the reports")
    context.check(all(one["good"] for one in reports(folder)), f"{what}: the server could place every report",
                  folder / "events.jsonl")
    asked = [one["method"] for one in events(folder) if one["kind"] == "unknown"]
    context.equal(asked.count("/osiekit.v1.LogService/SendLogs"), 1,
                  f"{what}: how often the server was asked whether it keeps output, among {asked}")
    context.check("GREETING=hello from say" in log(folder), f"{what}: the action has its environment",
                  folder / "agent.log")
    # tink-worker gave each action its workflow's directory; tink-agent gives none.
    context.equal("say | /workflow is there" in log(folder), old, f"{what}: whether there is a /workflow")
    # The last one that looks into the shared directories is told what the one before has left there.
    for shared in MOUNT_POINTS:
        context.check(f"{shared}/note holds hello from say" in log(folder),
                      f"{what}: {shared} goes from one action to the next", folder / "agent.log")
    stray = [one for one in events(folder) if one["kind"] == "stray report"]
    context.equal(stray, [], f"{what}: reports of what is no action")
    if posted:
        check_data(context, folder, what, faults)


def check_data(context, folder, what, faults):
    updates = [one for one in events(folder) if one["kind"] == "update data"]
    if faults == "large":
        context.check(f"/workflow/data has {6 * MIB} bytes" in log(folder), f"{what}: the action sees all of the data",
                      folder / "agent.log")
        context.equal([one["bytes"] for one in updates], [10 * MIB], f"{what}: bytes of data that came back")
        return
    context.check('/workflow/data holds {"from":"server"}' in log(folder),
                  f"{what}: the action sees the workflow's data", folder / "agent.log")
    context.equal([one["data"] for one in updates], ['{"from":"action"}'], f"{what}: the data that came back")
    context.equal(updates[0]["metadata"]["workerID"], WORKER, f"{what}: who changed the data")


def log(folder):
    return (folder / "agent.log").read_text(encoding="utf-8", errors="replace")


def events(folder):
    file = folder / "events.jsonl"
    # The last line may be under way.
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


def reports(folder):
    return [one for one in events(folder) if one["kind"] == "report"]
