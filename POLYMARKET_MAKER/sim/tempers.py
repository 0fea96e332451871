"""How simulated markets behave: the four of the demo, and a metronome for load tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Temper:
    """How the other traders of one market behave.

    Attributes:
        first_s: Range of the wait before the first step, in seconds.
        gap_s: Range of the wait between steps, in seconds.
        trade_share: Part of the steps in which somebody takes.
        wave: Height of the slow swing of the fair price, in dollars.
        wave_s: Its period, in seconds.
        jump: Range of the sudden moves of the fair price, in dollars.
        jump_every_s: Range of the time between them; (0, 0) for never.
        one_sided_every_s: Range of the time between spells with an empty side.
        one_sided_s: Length of such a spell, in seconds.
        calm: A step without a trade changes one level and never the price.
    """

    first_s: tuple[float, float] = (0.05, 0.3)
    gap_s: tuple[float, float] = (0.06, 0.24)
    trade_share: float = 0.4
    wave: float = 0.0
    wave_s: float = 10.0
    jump: tuple[float, float] = (0.0, 0.0)
    jump_every_s: tuple[float, float] = (0.0, 0.0)
    one_sided_every_s: tuple[float, float] = (0.0, 0.0)
    one_sided_s: float = 2.5
    calm: bool = False


TEMPERS = {
    "busy": Temper(wave=0.035, wave_s=14.0),
    "quiet": Temper(first_s=(90.0, 240.0), gap_s=(60.0, 300.0), trade_share=0.1, calm=True),
    "jumping": Temper(jump=(0.03, 0.06), jump_every_s=(3.0, 6.0), gap_s=(0.08, 0.3)),
    "one-sided": Temper(wave=0.03, wave_s=16.0, gap_s=(0.1, 0.35), one_sided_every_s=(8.0, 15.0)),
    "steady": Temper(first_s=(0.0, 1.0), gap_s=(0.5, 1.5), trade_share=0.02, calm=True),
}
DEMO_TEMPERS = ("busy", "quiet", "jumping", "one-sided")
