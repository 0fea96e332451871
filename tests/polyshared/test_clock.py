"""Ages come from the boot-time clock; wall-clock time decides where nothing better is known."""

from __future__ import annotations

import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from polyshared import _clock
from polyshared._clock import Moment, age_s

THEN = Moment("boot-a", 100.0, 5000.0)
seconds = st.floats(0, 1e9)


def test_a_jump_of_the_wall_clock_changes_no_age() -> None:
    assert age_s(THEN, Moment("boot-a", 103.0, 1400.0)) == 3.0
    assert age_s(THEN, Moment("boot-a", 103.0, 8600.0)) == 3.0


def test_a_stamp_of_another_boot_is_infinitely_old() -> None:
    assert age_s(THEN, Moment("boot-b", 103.0, 5003.0)) == math.inf


def test_without_a_boot_id_the_wall_clock_decides() -> None:
    assert age_s(THEN._replace(boot_id=""), Moment("boot-a", 103.0, 5007.0)) == 7.0
    assert age_s(THEN, Moment("", 103.0, 5007.0)) == 7.0


@given(st.builds(Moment, st.sampled_from(["", "a", "b"]), seconds, seconds),
       st.builds(Moment, st.sampled_from(["", "a", "b"]), seconds, seconds))  # fmt: skip
def test_no_age_is_negative(then: Moment, at: Moment) -> None:
    assert age_s(then, at) >= 0


def test_now_is_of_this_boot_and_moves_forward() -> None:
    one, other = _clock.now(), _clock.now()

    assert (
        one.boot_id == other.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    )
    assert other.boot_s >= one.boot_s
    assert _clock.boot_s() >= other.boot_s


def test_a_system_without_boot_ids_has_an_empty_one() -> None:
    assert _clock._read_boot_id("/nonexistent") == ""
