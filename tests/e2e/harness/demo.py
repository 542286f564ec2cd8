"""The whole chain in one command: a blank machine netboots and gets an operating system installed."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import shutil
import sys

from . import paths, scenario, stages
from .errors import HarnessError, Interrupted, tail
from .follow import Follower
from .processes import run_logged
from .report import Report, explain

EXIT_OK, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 130
KEPT_ENVIRONMENT = "OSIEKIT_CACHE,OSIEKIT_ACCEL,http_proxy,https_proxy,no_proxy"
EXAMPLES = """examples:
  tools/demo                 sets up what is missing, builds everything, runs the install
  tools/demo --console       shows the machine's console while it runs
  tools/demo --no-setup --no-build
                             only the install, with what is built
  tools/demo --json | jq .login_hostname

Needs root (or sudo) for the network namespace and for making the operating system image; the build of the
installation environment runs as an ordinary user. Logs and report.json are in out/demo. Caches are in
/var/cache/osiekit (OSIEKIT_CACHE names another folder); OSIEKIT_ACCEL=tcg|kvm skips the look for working KVM.
exit codes: 0 the login prompt showed the right host name, 1 failed, 2 usage, 130 interrupted"""


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/demo", description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--console", action="store_true", help="show the machine's serial console")
    parser.add_argument("--verbose", action="store_true", help="show every log while it grows")
    parser.add_argument("--json", action="store_true", help="print the report as JSON on standard output")
    parser.add_argument("--keep", action="store_true",
                        help="keep the disk, the registry and the server's data in out/demo/work")
    parser.add_argument("--no-setup", action="store_true", help="do not look for missing packages")
    parser.add_argument("--no-build", action="store_true", help="use build/release as it is")
    parser.add_argument("--out", type=pathlib.Path, default=paths.OUT / "demo", help="where logs and report go")
    return parser.parse_args()


def become_root() -> None:
    """Starts itself again through sudo; the build steps then run as the user who called."""
    if os.geteuid() == 0:
        return
    if shutil.which("sudo") is None:
        print("error: tools/demo needs root for the network namespace, and there is no sudo\n"
              "hint: run it as root", file=sys.stderr)
        sys.exit(EXIT_FAILED)
    os.execvp("sudo", ["sudo", f"--preserve-env={KEPT_ENVIRONMENT}", str(paths.TREE / "tools" / "demo"), *sys.argv[1:]])


def run(arguments: argparse.Namespace, report: Report) -> None:
    logs = arguments.out / "logs-build"
    if not arguments.no_setup:
        with report.stage("setup", "install missing Debian packages (tools/setup)"):
            run_logged([str(paths.TREE / "tools" / "setup")], logs / "setup.log")
    if not arguments.no_build:
        with report.stage("build", "build osiekit (release preset)"):
            stages.build("release", logs / "build.log")
    settings = stages.prepare(report, arguments.out)
    settings.keep = arguments.keep
    report.facts["hardware_hostname"] = scenario.HARDWARE_HOSTNAME
    with scenario.Scenario(settings, report) as chain:
        with report.stage("network", "start the network, the registry and osie-server"):
            chain.prepare_network()
        with report.stage("workflow", "push hardware, template and workflow (tink)"):
            chain.submit()
            report.say(f"  workflow {chain.workflow} for {scenario.HARDWARE_NAME} ({scenario.MAC})")
        with report.stage("install", "netboot the blank machine and install"):
            chain.start_machine()
            chain.install()
        with report.stage("disk", "reboot, boot from the disk, wait for the login prompt"):
            login = chain.boot_from_disk()
        report.facts["login_hostname"] = login
        chain.machine.power_off()
    if login != scenario.HARDWARE_HOSTNAME:
        report.failed_stage = "disk"
        raise HarnessError(f"the login prompt shows the host name “{login}”, the hardware record says "
                           f"“{scenario.HARDWARE_HOSTNAME}”", log=settings.logs / "console.log")


def main() -> int:
    arguments = parse()
    become_root()
    arguments.out = arguments.out.resolve()
    logs = [arguments.out / "logs-build", arguments.out / "logs"]
    for folder in logs:
        shutil.rmtree(folder, ignore_errors=True)
    report = Report("demo")
    report.facts["logs"] = str(arguments.out / "logs")
    stages.stop_on_signals()
    code = EXIT_FAILED
    try:
        with Follower(report, logs, arguments.verbose, arguments.console):
            run(arguments, report)
        report.result = "ok"
        code = EXIT_OK
    except Interrupted as stop:
        report.result = "interrupted"
        code = EXIT_INTERRUPTED
        report.say(f"stopped by {stop}; everything that was started is gone")
    except (HarnessError, OSError) as fault:
        error = fault if isinstance(fault, HarnessError) else HarnessError(f"{type(fault).__name__}: {fault}")
        report.result = "failed"
        report.facts["error"] = str(error)
        report.say(f"stage “{report.failed_stage}” failed")
        print(explain(error, tail(error.log) if error.log else []), file=sys.stderr)
    report.write(arguments.out / "report.json")
    stages.hand_over(paths.OUT)
    if arguments.json:
        print(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
    print("\n" + report.table(), file=sys.stderr)
    print(f"\nlogs: {arguments.out}/logs and logs-build; report: {arguments.out}/report.json", file=sys.stderr)
    if code == EXIT_OK:
        print(f"the machine came up from its disk as “{report.facts['login_hostname']}”", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
