"""A house that trades on a simulator of its own, and what doctor says of it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.failover import always_quoting, live_on, starting_together
from tests.support.program import ROOT, Supervised, eventually, run_program, supervised
from tests.support.simulator import Simulator, running_simulator

PATIENCE_S = 60.0
"""For a doctor on a machine that is busy with other tests."""


class Diagnosis:
    """What ``polyshared doctor --json`` said.

    Attributes:
        exit_code: Of the command; the same stands in the object.
        checks: By id.
    """

    def __init__(
        self,
        data: Path,
        *names: str,
        env: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
        timeout_s: float = PATIENCE_S,
    ) -> None:
        command = ("-m", "polyshared", "doctor", *names, "--json", "--data-dir", str(data))
        limit = ("--timeout", str(timeout_s))
        ended = run_program(*command, *limit, env=env, cwd=cwd, timeout_s=PATIENCE_S + 30)
        said = json.loads(ended.out)  # exactly one object, nothing else
        assert said["exit_code"] == ended.code
        self.exit_code = ended.code
        self.root_cause: str | None = said["root_cause"]
        self.healthy: bool = said["healthy"]
        self.checks: dict[str, dict[str, Any]] = {each["id"]: each for each in said["checks"]}

    def with_status(self, *statuses: str) -> dict[str, str]:
        """Return the checks of a status, with what they say."""
        found = self.checks.values()
        return {each["id"]: each["detail"] for each in found if each["status"] in statuses}

    def assert_only(self, *causes: str, code: int | None = None) -> None:
        """Hold that these failed and nothing else did, and that the first is called the cause.

        The exit code is *code*, else what follows from the causes.
        """
        failed = self.with_status("fail")
        assert list(failed) == list(causes), failed
        assert self.root_cause == (causes[0] if causes else None)
        assert self.exit_code == (bool(causes) if code is None else code)


@contextmanager
def trading(
    directory: Path,
    *options: str,
    tokens: int = 2,
    silent: Sequence[int] = (),
    env: Mapping[str, str] | None = None,
) -> Iterator[tuple[Supervised, Simulator]]:
    """Run children that always have an order resting, on a simulator of their own.

    Args:
        directory: An empty folder.
        options: For the supervisor.
        tokens: How many; each that is not silent has an order when the block begins.
        silent: Numbers of tokens of which the exchange tells nothing.
        env: Laid over the supervisor's environment.
    """
    with running_simulator(tokens=tokens, tempers="quiet") as sim:
        mute = [sim.tokens[number] for number in silent]
        if mute:
            sim.control(do="deaf", tokens=mute)
            sim.control(do="fault", path="/book", kind="500", count=None)
        with supervised(
            *("--live", "--no-repl", "--tokens", ",".join(sim.tokens), *options),
            *(*starting_together(directory), *always_quoting(directory)),
            directory=directory,
            env=live_on(sim) | dict(env or {}),
        ) as run:
            if env is not None and "POLY_DATA_DIR" in env:
                run.data = Path(env["POLY_DATA_DIR"])

            def all_trade() -> bool:
                assert run.process.poll() is None, (directory / "out.txt").read_text("utf-8")
                children = run.children()
                at_work = {name for name, child in children.items() if child["open_orders"]}
                return len(children) == tokens and at_work == set(sim.tokens) - set(mute)

            eventually(all_trade, within_s=120, what="children with orders")
            yield run, sim


def settled(run: Supervised) -> bool:
    """Whether all children read the shared file, also after a fault that moved them."""
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    return all(
        child["source"] == "shared" and now - child["boottime_s"] < 3
        for child in run.children().values()
    )


def broken_websocket(directory: Path) -> dict[str, str]:
    """Return an environment in which the package is there and cannot be imported."""
    package = directory / "broken" / "websocket"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('broken on purpose')", "utf-8")
    return {"PYTHONPATH": f"{package.parent}:{os.environ['PYTHONPATH']}"}


def first_red(data: Path, token: str) -> tuple[str, str]:
    """Return the link at which ``polyshared why`` sees a token stop, and its reason."""
    ended = run_program("-m", "polyshared", "why", token, "--json", "--data-dir", str(data))
    said = json.loads(ended.out)
    reasons = {link["name"]: link["reason"] for link in said["links"]}
    return said["first_red"], reasons[said["first_red"]]
