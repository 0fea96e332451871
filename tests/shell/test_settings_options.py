"""The command line: as before, and the new options."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from POLYMARKET_MAKER.errors import UsageError
from POLYMARKET_MAKER.settings import Mode, Options, parse_options


def test_without_options_the_shipped_files_are_used() -> None:
    options = parse_options([])

    assert options == Options()
    assert options.global_config.is_file()
    assert options.strategy_config.is_file()
    assert options.run_config_template.is_file()


def test_the_ancestors_options_mean_the_same() -> None:
    options = parse_options(
        ["--global-config", "g.json", "--strategy-config", "s.json", "--run-config-template",
         "r.json", "--no-repl", "--command", "list", "--command", "stop 1"]
    )  # fmt: skip

    assert options.global_config == Path("g.json")
    assert options.strategy_config == Path("s.json")
    assert options.run_config_template == Path("r.json")
    assert options.commands == ("list", "stop 1")
    assert not options.has_console


def test_a_command_means_no_console() -> None:
    assert not parse_options(["--command", "list"]).has_console
    assert parse_options([]).has_console


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--demo", "--seconds", "30"], Options(mode=Mode.DEMO, seconds=30.0)),
        (["--paper", "--tokens", "1, 2,,1"], Options(mode=Mode.PAPER, tokens=("1", "2"))),
        (["--live", "--no-shared-ws"], Options(mode=Mode.LIVE, ws_shared=False)),
        (["--record", "f.jsonl"], Options(record=Path("f.jsonl"))),
        (["--replay", "f.jsonl"], Options(mode=Mode.PAPER, replay=Path("f.jsonl"))),
        (
            ["--replay", "a@b/f.jsonl@60"],
            Options(mode=Mode.PAPER, replay=Path("a@b/f.jsonl"), replay_speed=60.0),
        ),
        (["--replay", "f@x.jsonl"], Options(mode=Mode.PAPER, replay=Path("f@x.jsonl"))),
        (["--pnl", "--csv", "o.csv"], Options(pnl=True, csv=Path("o.csv"))),
        (["--cancel-open"], Options(cancel_open=True)),
        (["--flatten"], Options(flatten=True)),
        (["--flatten", "--token", "2563", "--yes"], Options(flatten=True, token="2563", yes=True)),
        (["--show-config", "--verbose"], Options(show_config=True, verbose=True)),
        (["--clock-scale", "60"], Options(clock_scale=60.0)),
    ],
)
def test_an_option_says(argv: list[str], expected: Options) -> None:
    assert parse_options(argv) == expected


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["--replay", "f", "--live"], "--replay is paper, it cannot be combined with --live"),
        (["--pnl", "--cancel-open"], "--pnl and --cancel-open cannot be combined"),
        (["--csv", "f"], "--csv needs --pnl"),
        (["--cancel-open", "--flatten"], "--cancel-open and --flatten cannot be combined"),
        (["--token", "1"], "--token needs --flatten"),
        (["--yes"], "--yes needs --flatten"),
        (["--record", "f", "--replay", "g"], "--record and --replay cannot be combined"),
        (["--seconds", "0"], "--seconds was 0.0, must be greater than 0"),
        (["--seconds", "nan"], "--seconds was nan, must be greater than 0"),
        (["--clock-scale", "0.5"], "--clock-scale was 0.5, allowed are 1 to 10000"),
    ],
)
def test_options_that_contradict_each_other_are_one_sentence(
    argv: list[str], sentence: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse_options(argv)

    assert str(caught.value) == sentence


@pytest.mark.parametrize("argv", [["--demo", "--paper"], ["--unknown"], ["--sec", "3"], ["x"]])
def test_what_is_no_option_is_exit_code_2(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_options(argv)

    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


@hypothesis(deadline=None)  # two busy cores
@given(st.text(alphabet="@./a1x", min_size=1).filter(lambda text: not text.startswith("-")))
def test_any_recording_name_is_read(text: str) -> None:
    try:
        options = parse_options(["--replay", text])
    except UsageError:
        return

    assert options.replay is not None
    assert str(options.replay) in {str(Path(text)), str(Path(text.rpartition("@")[0]))}
