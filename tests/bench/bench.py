"""What tools/bench measures and prints. Nothing is judged here: these are numbers for people."""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import shutil
import sys

import idle
import image_build
import pull
import sandbox
from harness import paths, vm
from harness.errors import HarnessError, tail
from harness.report import MIB, explain

OSIE = paths.OUT / "virtual"
DEMO_CONSOLE = paths.OUT / "demo" / "logs" / "console.log"
STAMP = r"^\[\s*(\d+\.\d+)\]"
EXAMPLES = """examples:
  tools/bench                    everything
  tools/bench --only size boot   what needs no peer to run
  tools/bench --json --only build | jq .build.osie.ratio_compressed_anew_to_dracut

"boot" reads the console log of the last tools/demo; "build" needs root for a mount namespace, and the network once."""


def measure_size() -> dict:
    """What a machine has to download to be installed."""
    sizes = {name: (OSIE / name).stat().st_size for name in ("vmlinuz", "initramfs")}
    return {**sizes, "together": sum(sizes.values())}


def _seconds(pattern: str, text: str) -> float:
    match = re.search(pattern, text, re.MULTILINE)
    if not match:
        raise HarnessError(f"the console log has no line like /{pattern}/", hint="run tools/demo first",
                           log=DEMO_CONSOLE)
    return float(match.group(1))


def measure_boot() -> dict:
    """From the kernel's hand-over to the agent's first request, by the kernel's own clock, in the last demo run."""
    if not DEMO_CONSOLE.exists():
        raise HarnessError(f"{DEMO_CONSOLE} is not there", hint="run tools/demo first")
    text = DEMO_CONSOLE.read_text(encoding="utf-8", errors="replace").replace("\r", "")
    init = _seconds(STAMP + r" Run /init", text)
    asked = _seconds(STAMP + r".*first GetAction", text)
    dhcp = _seconds(r"DHCP took (\d+\.\d+) s", text)
    return {"run_init_s": init, "first_get_action_s": asked, "dhcp_wait_s": dhcp,
            "init_to_agent_s": round(asked - init - dhcp, 3)}


def measure_memory() -> dict:
    """The RAM of the machine that did the whole job."""
    return {"demo_machine_mib": vm.MEMORY_MIB}


def table(results: dict) -> str:
    lines = []
    if "build" in results:
        lines += image_build.table(results["build"])
    if "size" in results:
        one = results["size"]
        lines += ["size", f"  vmlinuz                     {one['vmlinuz'] / MIB:8.1f} MiB",
                  f"  initramfs                   {one['initramfs'] / MIB:8.1f} MiB",
                  f"  together                    {one['together'] / MIB:8.1f} MiB"]
    if "boot" in results:
        one = results["boot"]
        lines += ["boot, by the kernel's clock in the last demo run",
                  f"  “Run /init”                 {one['run_init_s']:8.3f} s",
                  f"  first GetAction             {one['first_get_action_s']:8.3f} s",
                  f"  of that waiting for DHCP    {one['dhcp_wait_s']:8.3f} s",
                  f"  init to agent, less DHCP    {one['init_to_agent_s']:8.3f} s"]
    if "memory" in results:
        lines += ["memory", f"  the demo's machine          {results['memory']['demo_machine_mib']:8d} MiB"]
    if "sandbox" in results:
        lines += sandbox.table(results["sandbox"])
    if "idle" in results:
        lines += idle.table(results["idle"])
    if "pull" in results:
        lines += pull.table(results["pull"])
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/bench", description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=("build", "size", "boot", "memory", "sandbox", "idle", "pull"),
                        help="measure only these")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    arguments = parser.parse_args()
    log = paths.OUT / "bench" / "bench.log"
    shutil.rmtree(log.parent, ignore_errors=True)
    log.parent.mkdir(parents=True)
    measurements = {"build": lambda: image_build.measure(log), "size": measure_size, "boot": measure_boot,
                    "memory": measure_memory, "sandbox": lambda: sandbox.measure(log),
                    "idle": lambda: idle.measure(log), "pull": lambda: pull.measure(log)}
    results = {}
    code = 0
    for name in arguments.only or measurements:
        try:
            results[name] = measurements[name]()
        except (HarnessError, OSError) as fault:
            error = fault if isinstance(fault, HarnessError) else HarnessError(str(fault))
            print(f"{name}: {explain(error, tail(error.log) if error.log else [])}", file=sys.stderr)
            code = 1
    (log.parent / "bench.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2) if arguments.json else table(results))
    return code


if __name__ == "__main__":
    sys.exit(main())
