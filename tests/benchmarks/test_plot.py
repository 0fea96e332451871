"""The plot is an SVG that shows every design, the fastest first."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from benchmarks.harness.plot import Bar, draw

SVG = "{http://www.w3.org/2000/svg}"
BARS = [
    Bar("Redis <pub/sub>", p50_us=258, p99_us=2405, cpu=17.8, is_ours=False),
    Bar("ours", p50_us=99, p99_us=535, cpu=6.1, is_ours=True),
    Bar("earlier", p50_us=616_104, p99_us=1_138_367, cpu=29.2, is_ours=False),
]


def test_every_design_is_drawn_the_fastest_at_the_top() -> None:
    root = ET.fromstring(draw("put → child", BARS))  # noqa: S314 - our own text
    texts = {each.text: float(each.attrib["y"]) for each in root.iter(f"{SVG}text")}

    assert texts["ours"] < texts["Redis <pub/sub>"] < texts["earlier"]
    assert {"99 µs", "258 µs", "616 ms", "29.2"} <= texts.keys()


def test_bars_of_cpu_are_as_long_as_the_cpu() -> None:
    root = ET.fromstring(draw("put → child", BARS))  # noqa: S314 - our own text
    widths = sorted(float(each.attrib["width"]) for each in root.iter(f"{SVG}rect"))

    assert abs(widths[-2] / 29.2 - 330 / 29.2) < 0.01
    assert any(abs(width - 330 * 6.1 / 29.2) < 0.1 for width in widths)


def test_nothing_lies_outside_the_picture() -> None:
    root = ET.fromstring(draw("put → child", BARS))  # noqa: S314 - our own text
    width, height = float(root.attrib["width"]), float(root.attrib["height"])

    for each in root.iter(f"{SVG}rect"):
        assert float(each.attrib["x"]) + float(each.attrib["width"]) <= width
        assert float(each.attrib["y"]) + float(each.attrib["height"]) <= height
