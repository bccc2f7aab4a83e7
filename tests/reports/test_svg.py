"""Figures inside the page: smaller, and the same picture."""

import re

import pytest

from degradation.reports.svg import inline

HEAD = '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 20" version="1.1">'


def body(inner):
    whole = inline(f"{HEAD}{inner}</svg>", "f1", "a line")
    assert whole.startswith('<svg viewBox="0 0 10 20" role="img" aria-label="a line">')
    return re.fullmatch(r"<svg [^>]*>(.*)</svg>", whole)[1]


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ("M 10.04 20.06 \nL 30 40.123 \nL -0.52 0.003 \n", "M10 20.1 30 40.1 -.5 0"),
        ("M 0 1.8 \nC 0.5 1.8 0.9 1.6 1.2 1.2 \nz\n", "M0 1.8C.5 1.8 .9 1.6 1.2 1.2z"),
        ("M 1 2 \nL 3 4 \nz\nM 5 6 \nL 10.5 100.05 \n", "M1 2 3 4zM5 6 10.5 100"),
    ],
)
def test_paths_are_short_and_have_the_same_points(given, short):
    assert body(f'<path d="{given}"/>') == f'<path d="{short}"/>'
    numbers = r"-?\d*\.?\d+"
    found, expected = ([float(number) for number in re.findall(numbers, text)] for text in (short, given))
    assert found == pytest.approx(expected, abs=0.0501)


def marker(path, *copies):
    uses = "".join(f'<use xlink:href="#m1" x="1.23" y="2" style="{style}"/>' for style in copies)
    return body(f'<defs><path id="m1" d="M 0 1" style="{path}"/></defs>{uses}')


def test_markers_that_are_styled_alike_are_styled_once():
    assert marker("stroke: red", "fill: blue; stroke: green", "fill: blue; stroke: green") == (
        '<defs><path id="f1-0" style="fill:blue;stroke:red" d="M0 1"/></defs>'
        '<use href="#f1-0" x="1.2" y="2"/><use href="#f1-0" x="1.2" y="2"/>'
    )


def test_others_keep_their_styles():
    assert re.findall('style="([^"]*)"', marker("stroke: red", "fill: blue", "fill: red")) == [
        *("stroke:red", "fill:blue", "fill:red")
    ]


@pytest.mark.parametrize(("style", "left"), [("opacity: 0.5", 2), ("fill: red; fill-opacity: 0.5", 1)])
def test_opacity_would_count_twice(style, left):
    assert marker(style, style).count("style=") == left


def test_ticks_are_one_path():
    tick = '<defs>\n<path id="m1" d="M 0 0 \nL 0 3.5 \n" style="stroke: red"/>\n</defs>'
    uses = "".join(f'<g><use xlink:href="#m1" x="{x}" y="20.04" style="stroke: red"/></g>' for x in (1, 2.5))
    assert body(tick + uses) == '<path style="stroke:red" d="M1 20l0 3.5M2.5 20l0 3.5"/>'
    titled = tick + '<use xlink:href="#m1" x="1" y="2" style="stroke: red"><title>t</title></use>'
    assert "<use" in body(titled)
