"""What the operator asks for is done, or he is told in a sentence why it is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from POLYMARKET_MAKER.brakes import Brakes
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.console import Command, parse_command
from POLYMARKET_MAKER.fleet import Fleet
from POLYMARKET_MAKER.operator_desk import OperatorDesk
from POLYMARKET_MAKER.supervisor import Supervisor
from tests.support.waiting_fleet import SCALE, waiting_fleet

FIRST, SECOND = "1111", "2222"


@dataclass
class House:
    """An operator's desk before a supervisor whose two tokens wait for their turn."""

    desk: OperatorDesk
    supervisor: Supervisor
    brakes: Brakes
    commands: SimpleQueue[Command]
    data_dir: Path

    def say(self, text: str) -> None:
        """Type a line at the console."""
        command = parse_command(text)
        assert command is not None
        self.commands.put(command)
        self.desk.act(self.supervisor)

    def ask(self, verb: str, token: str | None = None) -> dict[str, Any]:
        """Put a request into the folder, as another process does, and return the answer."""
        folder = self.data_dir / "control"
        (folder / "q.json").write_text(json.dumps({"request": verb, "token": token, "by": "test"}))
        self.desk.act(self.supervisor)
        answer: dict[str, Any] = json.loads((folder / "q.answer.json").read_text())
        return answer


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    clock = Clock(SCALE)
    with waiting_fleet(tmp_path) as fleet:
        settings = fleet._settings
        commands: SimpleQueue[Command] = SimpleQueue()
        brakes = Brakes(settings.data_dir)
        supervisor = Supervisor(
            settings,
            clock=clock,
            aggregator=None,
            fleet=fleet,
            desk=fleet._desk,
            tokens=lambda: (FIRST, SECOND),
        )
        fleet.offer([FIRST, SECOND])
        desk = OperatorDesk(commands, brakes, settings.data_dir, clock)
        yield House(desk, supervisor, brakes, commands, settings.data_dir)


def test_one_token_is_paused_and_goes_on(house: House) -> None:
    house.say("pause 1111")
    assert house.brakes.paused() == {FIRST}

    house.say("resume 1111")
    assert house.brakes.paused() == frozenset()


def test_resuming_one_token_while_everything_is_paused_is_refused_with_the_way_out(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.say("pause")

    house.say("resume 1111")
    answer = house.ask("resume", FIRST)

    assert house.brakes.is_paused(FIRST)
    assert "`resume` without a token" in "".join(capsys.readouterr())
    assert not answer["ok"]
    assert "everything is paused" in answer["message"]
    assert house.ask("resume")["ok"]
    assert not house.brakes.is_paused(FIRST)


def test_a_stop_of_an_earlier_supervisor_is_taken_back(house: House) -> None:
    house.say("stop 1111")
    first = house.supervisor.fleet
    clock = Clock(SCALE)
    house.supervisor.fleet = Fleet(first._settings, first._desk, first._memory, clock)
    assert house.supervisor.fleet.schedule.finished == {FIRST: "USER_STOPPED"}

    house.say("resume 1111")

    assert house.supervisor.fleet.schedule.finished == {}


def test_a_kill_is_taken_back_by_a_person_only(house: House) -> None:
    assert house.ask("kill")["ok"]

    answer = house.ask("resume")

    assert not answer["ok"]
    assert house.brakes.is_killed()
    house.say("resume")
    assert not house.brakes.is_killed()


def test_a_token_that_is_not_ours_is_told_and_nothing_is_done(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.say("pause 9")
    answer = house.ask("pause", "9999999999")

    assert house.brakes.paused() == frozenset()
    assert "index was 9" in "".join(capsys.readouterr())
    assert not answer["ok"]


def test_a_token_without_a_child_cannot_be_started_anew(house: House) -> None:
    assert house.ask("restart", FIRST)["message"].endswith("has no child")
    assert not house.ask("restart")["ok"], "there is no aggregator either"


def test_there_are_no_frames_to_show_without_an_aggregator(house: House) -> None:
    answer = house.ask("frames")

    assert not answer["ok"]
    assert "each child has its own line" in answer["message"]


def test_exit_asks_the_supervisor_to_stop(house: House) -> None:
    house.say("exit")

    assert house.supervisor.stop_reason == "console"
