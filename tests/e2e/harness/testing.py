"""Runs end-to-end scenarios: each is a folder of tests/e2e with a test.py that has `run(context)`.

    python3 -m harness.testing [SCENARIO…]

A scenario fails by raising; nothing is skipped. The last line is `N passed, N failed`."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import shutil
import sys
import traceback
from collections.abc import Sequence

from . import paths, stages
from .errors import HarnessError, Interrupted, tail
from .report import Report, explain
from .scenario import E2E, Settings

OUT = paths.OUT / "e2e"


class Context:
    """What a scenario's `run` gets."""

    def __init__(self, name: str):
        self.name = name
        self.out = OUT / name
        self.report = Report(name)

    def prepare(self, actions: Sequence[str] = stages.DEMO_ACTIONS) -> Settings:
        """The images that a machine needs, built by the release programs."""
        return stages.prepare(self.report, self.out, actions)

    def check(self, condition: object, sentence: str, log: pathlib.Path | None = None) -> None:
        """One expectation, as a sentence that says what should hold."""
        if not condition:
            raise HarnessError(f"expected: {sentence}", log=log)

    def equal(self, actual: object, expected: object, what: str) -> None:
        if actual != expected:
            raise HarnessError(f"{what}: expected {expected!r}, found {actual!r}")


def scenarios() -> list[str]:
    return sorted(path.parent.name for path in E2E.glob("*/test.py"))


def run_one(name: str) -> bool:
    """Runs one scenario and prints what became of it."""
    context = Context(name)
    shutil.rmtree(context.out, ignore_errors=True)
    context.out.mkdir(parents=True)
    print(f"e2e {name}: starting; logs in {context.out}", flush=True)
    spec = importlib.util.spec_from_file_location(f"scenario_{name.replace('-', '_')}", E2E / name / "test.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        module.run(context)
        context.report.result = "ok"
    except (KeyboardInterrupt, Interrupted):
        raise
    except HarnessError as error:
        context.report.result = "failed"
        print(explain(error, tail(error.log) if error.log else []), file=sys.stderr)
    except Exception:  # noqa: BLE001 (whatever a scenario raises is its failure, and the next one still runs)
        context.report.result = "failed"
        traceback.print_exc()
    context.report.write(context.out / "report.json")
    stages.hand_over(context.out)
    passed = context.report.result == "ok"
    print(f"e2e {name}: {'passed' if passed else 'FAILED'} in {context.report.elapsed():.1f} s", flush=True)
    return passed


def main() -> int:
    names = sys.argv[1:] or scenarios()
    unknown = [name for name in names if name not in scenarios()]
    if unknown:
        print(f"no such scenario: {', '.join(unknown)}; there are: {', '.join(scenarios())}", file=sys.stderr)
        return 2
    stages.stop_on_signals()
    try:
        results = {name: run_one(name) for name in names}
    except Interrupted:
        return 130
    passed = sum(results.values())
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "results.json").write_text(json.dumps(
        {"passed": passed, "failed": len(results) - passed, "scenarios": results}, indent=2) + "\n", encoding="utf-8")
    print(f"{passed} passed, {len(results) - passed} failed")
    return 0 if passed == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
