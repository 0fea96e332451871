"""The supervisor's command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from POLYMARKET_MAKER.errors import UsageError
from POLYMARKET_MAKER.settings.groups import Mode

CONFIG_DIR = Path(__file__).resolve().parents[1] / "config"

EPILOG = """\
exit codes: 0 asked to stop, nothing of ours is open | 1 unexpected fault |
2 usage | 3 cannot start here | 4 settings or credentials | 5 orders of ours
may be open, they are named | 130 Ctrl-C before start-up finished

every setting: docs/settings.md; what keeps it from trading: polyshared doctor;
stop trading at once: polyshared kill"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was said on the command line.

    Attributes:
        mode: --demo, --paper or --live; a replay is paper.
        tokens: Tokens to trade; empty means those of the settings and the token files.
        seconds: Stop by itself after so long.
        replay: Recording to feed from.
        replay_speed: How many times faster than it was recorded; 0 is as fast as it goes.
        has_console: Whether a console may be opened at all.
        token: With --flatten: only this token, as the user wrote it.
        yes: With --flatten: do not ask.
    """

    global_config: Path = CONFIG_DIR / "global_config.json"
    strategy_config: Path = CONFIG_DIR / "strategy_defaults.json"
    run_config_template: Path = CONFIG_DIR / "run_params.json"
    has_console: bool = True
    commands: tuple[str, ...] = ()
    mode: Mode | None = None
    tokens: tuple[str, ...] = ()
    seconds: float | None = None
    ws_shared: bool = True
    record: Path | None = None
    replay: Path | None = None
    replay_speed: float = 1.0
    show_config: bool = False
    pnl: bool = False
    csv: Path | None = None
    cancel_open: bool = False
    flatten: bool = False
    token: str | None = None
    yes: bool = False
    clock_scale: float = 1.0
    verbose: bool = False


def parse_options(argv: Sequence[str]) -> Options:
    """Read the command line.

    Raises:
        UsageError: Options contradict each other.
        SystemExit: An option is unknown (2), or help was asked for (0).
    """
    said = _parser().parse_args(argv)
    replay, speed = _replay(said.replay)
    if replay is not None and said.mode in (Mode.LIVE, Mode.DEMO):
        raise UsageError(f"--replay is paper, it cannot be combined with --{said.mode}")
    options = Options(
        global_config=said.global_config,
        strategy_config=said.strategy_config,
        run_config_template=said.run_config_template,
        has_console=not said.no_repl and not said.command,
        commands=tuple(said.command),
        mode=Mode.PAPER if replay else said.mode,
        tokens=_tokens(said.tokens),
        seconds=said.seconds,
        ws_shared=not said.no_shared_ws,
        record=said.record,
        replay=replay,
        replay_speed=speed,
        show_config=said.show_config,
        pnl=said.pnl,
        csv=said.csv,
        cancel_open=said.cancel_open,
        flatten=said.flatten,
        token=said.token,
        yes=said.yes,
        clock_scale=said.clock_scale,
        verbose=said.verbose,
    )
    _check(options)
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="poly_maker_autorun.py",
        description="Trade outcome tokens of Polymarket: one supervisor, one child a token.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_modes(parser)
    _add_running(parser)
    _add_tasks(parser)
    return parser


def _add_modes(parser: argparse.ArgumentParser) -> None:
    modes = parser.add_argument_group("mode").add_mutually_exclusive_group()
    for mode, text in (
        (Mode.DEMO, "the simulator on this machine"),
        (Mode.PAPER, "real quotes, orders only imagined"),
        (Mode.LIVE, "real orders"),
    ):
        modes.add_argument(f"--{mode}", dest="mode", action="store_const", const=mode, help=text)


def _add_running(parser: argparse.ArgumentParser) -> None:
    files = parser.add_argument_group("files")
    defaults = Options()
    for name in ("global_config", "strategy_config", "run_config_template"):
        files.add_argument(
            f"--{name.replace('_', '-')}",
            type=Path,
            metavar="PATH",
            default=getattr(defaults, name),
            help=f"default: {getattr(defaults, name).name} in POLYMARKET_MAKER/config",
        )
    run = parser.add_argument_group("running")
    add = run.add_argument
    add("--tokens", default="", metavar="ID[,ID…]", help="trade these tokens")
    add("--seconds", type=float, metavar="S", help="stop by itself after S seconds")
    add("--no-shared-ws", action="store_true", help="no shared feed: each child its own line")
    add("--record", type=Path, metavar="FILE", help="write raw market frames, JSON lines")
    add("--replay", metavar="FILE[@SPEED]", help="feed from a recording; implies --paper")
    add(
        "--clock-scale",
        type=float,
        default=1.0,
        metavar="N",
        help="rehearsals: schedules N times faster",
    )
    add("--no-repl", action="store_true", help="no console")
    add(
        "--command",
        action="append",
        default=[],
        metavar="CMD",
        help="run a console command after the start (repeatable); no console. It does not "
        "reach a program that runs already: use polyshared for that",
    )
    add("--verbose", action="store_true", help="log DEBUG lines too")


def _add_tasks(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("instead of trading").add_argument
    add("--show-config", action="store_true", help="print the merged settings and their origin")
    add("--pnl", action="store_true", help="print profit and loss of each token")
    add("--csv", type=Path, metavar="FILE", help="with --pnl: write it to FILE")
    add("--cancel-open", action="store_true", help="cancel every order of the ledger, and prove it")
    add(
        "--flatten",
        action="store_true",
        help="show what the ledger holds and for how much it would go, ask, cancel every order of "
        "the ledger, then sell what is held, not below the best bid less exit_slippage",
    )
    add("--token", metavar="T", help="with --flatten: this token alone; its last digits will do")
    add("--yes", action="store_true", help="with --flatten: do not ask")


def _tokens(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.strip() for each in text.split(",") if each.strip()))


def _replay(text: str | None) -> tuple[Path | None, float]:
    if text is None:
        return None, 1.0
    path, at, speed = text.rpartition("@")
    if not at:
        return Path(text), 1.0
    try:
        return Path(path), float(speed.removesuffix("x"))
    except ValueError:
        return Path(text), 1.0  # an "@" within the file's name


def _check(options: Options) -> None:
    tasks = {
        "--show-config": options.show_config,
        "--pnl": options.pnl,
        "--cancel-open": options.cancel_open,
        "--flatten": options.flatten,
    }
    asked = [name for name, is_asked in tasks.items() if is_asked]
    strange = [token for token in options.tokens if not token.isdecimal()]
    problems = (
        (
            bool(strange),
            f"--tokens: {', '.join(strange)!r} is no token id, a decimal number",
        ),
        (len(asked) > 1, f"{' and '.join(asked)} cannot be combined"),
        (options.csv is not None and not options.pnl, "--csv needs --pnl"),
        (options.token is not None and not options.flatten, "--token needs --flatten"),
        (options.yes and not options.flatten, "--yes needs --flatten"),
        (
            options.record is not None and options.replay is not None,
            "--record and --replay cannot be combined",
        ),
        (
            options.seconds is not None and not options.seconds > 0,
            f"--seconds was {options.seconds}, must be greater than 0",
        ),
        (
            not 1 <= options.clock_scale <= 10_000,  # noqa: PLR2004 - an hour in 0.4 s
            f"--clock-scale was {options.clock_scale:g}, allowed are 1 to 10000",
        ),
        (not options.replay_speed >= 0, f"--replay speed was {options.replay_speed:g}"),
    )
    for is_wrong, sentence in problems:
        if is_wrong:
            raise UsageError(sentence)
