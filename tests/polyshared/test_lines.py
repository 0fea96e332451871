"""The block of lines stays equal to what was set, whatever is set and removed."""

from __future__ import annotations

import json

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from polyshared import _lines
from polyshared._codec import TAIL, encode_fields
from polyshared._lines import Lines

KEYS = st.text(max_size=12)


class LinesMachine(RuleBasedStateMachine):
    """Compare with a dictionary after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = Lines()
        self.model: dict[str, dict[str, str]] = {}

    @rule(key=KEYS, text=st.text(max_size=300))
    def set(self, key: str, text: str) -> None:
        self.lines.set(key, encode_fields({"text": text}))
        self.model[key] = {"text": text}

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        if self.model:
            key = data.draw(st.sampled_from(sorted(self.model)))
            self.lines.remove(key)
            del self.model[key]

    @rule()
    def look(self) -> None:
        """The text is the dictionary, after whatever was set and removed since the last look."""
        assert json.loads(b"{" + self.lines.region + b"}") == self.model
        layout = self.lines.layout(b"")
        assert len(self.lines.region) == layout.width * layout.lines
        lines = self.lines.region.split(b"\n")[:-1]
        assert {len(line) + 1 for line in lines} <= {layout.width}

    def teardown(self) -> None:
        self.look()

    @invariant()
    def the_entries_are_those_of_the_dictionary(self) -> None:
        assert len(self.lines) == len(self.model)
        assert all(key in self.lines for key in self.model)
        assert set(self.lines.entries()) == set(self.model)


TestLines = LinesMachine.TestCase
TestLines.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)


def test_text_that_is_being_written_does_not_change_before_it_is_asked_for_again() -> None:
    """A flush writes it without the lock that puts and deletes take."""
    lines = Lines()
    for key in "abc":
        lines.set(key, b'{"text":"old"}')
    with memoryview(lines.region) as written:
        before = bytes(written)
        lines.set("a", b'{"text":"new"}')
        lines.remove("b")
        lines.set("d", encode_fields({"text": "x" * 500}))

        assert bytes(written) == before

    assert set(json.loads(b"{" + lines.region + b"}")) == {"a", "c", "d"}


def test_a_key_that_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(KeyError):
        Lines().remove("a")


def test_a_file_that_no_reader_would_take_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lines, "MAX_BYTES", 1000)
    lines = Lines()
    lines.set("a", b'{"text":"short"}')
    before = bytes(lines.region)

    with pytest.raises(ValueError, match="2 lines of 640 bytes were more than 1000 bytes"):
        lines.set("b", encode_fields({"text": "x" * 500}))

    assert bytes(lines.region) == before
    assert "b" not in lines


def test_the_layout_tells_the_size_of_the_file() -> None:
    lines = Lines()
    lines.set("a", b"{}")

    layout = lines.layout(b"x" * 256)

    assert layout.first == 512 + 256
    assert layout.total == layout.first + len(lines.region) + len(TAIL)
