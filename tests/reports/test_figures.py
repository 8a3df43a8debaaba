"""Figures: SVG that follows the colors of the page, PNG on white."""

import re
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from reports.figures import ACCENT, HUE, INK, canvas, in_house_style, png, svg


@in_house_style
def drawn(color: str = HUE, text: str = "") -> Figure:
    figure, axes = canvas(2, 1)
    axes.plot([0, 1], [0, 1], color=color)
    axes.set_title(text)
    axes.grid()
    return figure


def test_every_color_of_an_svg_is_a_variable_of_the_page() -> None:
    text = svg(drawn(text="title"))
    assert f"stroke: var(--hue, {HUE})" in text
    assert f"fill: var(--ink, {INK})" in text
    assert not re.findall(r"(?<!, )#[0-9a-f]{6}\b", re.sub(r'(href="#|url\(#)', "", text))


def test_a_color_that_would_not_follow_dark_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected colors of reports\.figures only, but got #00ff00"):
        svg(drawn("#00ff00"))


def test_an_svg_is_well_formed_and_holds_text_as_it_was_given() -> None:
    name = "sniff <b> & $2$ cost"
    root = ElementTree.fromstring(svg(drawn(ACCENT, name)))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.attrib["width"] == "144pt"  # 2 inches
    assert name in [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_the_same_figure_is_the_same_svg() -> None:
    assert svg(drawn()) == svg(drawn())


def test_a_png_is_white_and_twice_as_large_as_on_a_screen() -> None:
    data = png(drawn())
    assert data.startswith(b"\x89PNG")
    assert (int.from_bytes(data[16:20]), int.from_bytes(data[20:24])) == (2 * 192, 192)
