"""What was missed is said to be missed, by how much, and what was not measured is not met."""

from __future__ import annotations

import pytest

from benchmarks.harness.report import (
    Section,
    Table,
    Verdict,
    document,
    markdown,
    microseconds,
    number,
)


@pytest.mark.parametrize(
    ("value", "aim", "outcome"),
    [
        (0.39, 0.4, "met, aim too"),
        (0.45, 0.4, "met, aim not"),
        (0.5, None, "met"),
        (0.6, 0.4, "**missed** by 20 %"),
        (None, 0.4, "**not measured**"),
    ],
)
def test_a_verdict_says_how_far_it_is(value: float | None, aim: float | None, outcome: str) -> None:
    assert Verdict("p50", value, 0.5, aim=aim).outcome() == outcome


def test_what_was_not_measured_is_not_met() -> None:
    assert not Verdict("p50", None, 0.5).is_met


def test_the_document_begins_with_the_verdicts_and_counts_what_is_met() -> None:
    good, bad = Verdict("a", 1.0, 2.0, "ms"), Verdict("b", 3.0, 2.0, "ms")
    text = document(
        ["# Results"],
        [Section("One", verdicts=[good, bad]), Section("Two", failure="no redis-server")],
    )

    assert "## Verdicts: 1 of 2 met" in text
    assert text.index("| b | ≤ 2 ms | 3 ms | **missed** by 50 % |") < text.index("## One")
    assert "**Not measured:** no redis-server" in text


def test_a_table_is_one_that_markdown_knows() -> None:
    text = markdown(Table("", ["design", "p50"], [["ours", "99 µs"]]))

    assert text == "| design | p50 |\n| --- | --: |\n| ours | 99 µs |\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.000333, "0.000333"), (0.0, "0"), (1.5, "1.5"), (12.34, "12.3"), (123456.0, "123,456")],
)
def test_figures_have_three_digits_that_mean_something(value: float, text: str) -> None:
    assert number(value) == text


def test_latencies_are_written_in_the_unit_in_which_they_are_short() -> None:
    assert microseconds(99.0) == "99 µs"
    assert microseconds(616_104.0) == "616 ms"
