"""Answer one question on the command line."""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from POLYMARKET_MAKER import probe
from POLYMARKET_MAKER.probe.answer import Answer, not_available, one_line
from POLYMARKET_MAKER.probe.exchange import probe_account, probe_frame
from POLYMARKET_MAKER.probe.imports import probe_import
from POLYMARKET_MAKER.probe.local import probe_ledger, probe_settings
from POLYMARKET_MAKER.processes import end_with_parent

SCHEMA = 1

SUBJECTS: Mapping[str, Callable[[argparse.Namespace], Answer]] = {
    "import": probe_import,
    "settings": probe_settings,
    "ledger": probe_ledger,
    "account": probe_account,
    "frame": probe_frame,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m POLYMARKET_MAKER.probe", description=probe.__doc__
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("subject", choices=sorted(SUBJECTS))
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--data-dir", type=Path, help="data directory of the mode asked about")
    parser.add_argument("--mode", choices=("demo", "paper", "live"), help="mode to load for")
    for name in ("global-config", "strategy-config", "run-config-template"):
        parser.add_argument(
            f"--{name}", type=Path, metavar="PATH", help="as the supervisor was given it (settings)"
        )
    parser.add_argument("--token", help="token to wait for (frame)")
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="give up so long after the start (frame)"
    )
    return parser


def _ask(subject: str, options: argparse.Namespace) -> Answer:
    try:
        return SUBJECTS[subject](options)
    except ImportError as error:
        return not_available(f"cannot be asked: {one_line(error)}")
    except Exception as error:  # noqa: BLE001  the last line of this process
        return Answer(ok=False, reason=one_line(error))


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer one question; return the exit code."""
    gc.disable()  # a short life, most of it imports: collecting would take a tenth of it
    options = _parser().parse_args(arguments)
    # Doctor gives it a session of its own, so no signal of a terminal would reach it.
    with contextlib.suppress(ProcessLookupError):
        end_with_parent(os.getppid())
    with contextlib.redirect_stdout(sys.stderr):
        answer = _ask(options.subject, options)
    if options.json:
        body = {
            "schema": SCHEMA,
            "subject": options.subject,
            "available": answer.available,
            "ok": answer.ok,
            "reason": answer.reason,
            "data": dict(answer.data),
        }
        sys.stdout.write(json.dumps(body, ensure_ascii=True, default=str) + "\n")
    else:
        sys.stdout.write(f"{options.subject}: {'ok' if answer.ok else answer.reason}\n")
    return answer.exit_code


if __name__ == "__main__":
    sys.exit(main())
