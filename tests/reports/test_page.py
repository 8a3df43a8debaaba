"""Pages: sections, tables, figures and notes in one file that needs nothing beside itself; all text is text."""

import base64
import re
from html.parser import HTMLParser

import pytest
from matplotlib.figure import Figure as Drawing

from reports.estimates import Estimate
from reports.figures import HUE, canvas, in_house_style, png, svg
from reports.page import Columns, Facts, FigureBlock, Gallery, Headline, Note, Page, Section, TableBlock, Text, render

EVIL = '<script>alert("1")</script> & co'
ESCAPED = "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt; &amp; co"


@in_house_style
def drawing() -> Drawing:
    figure, axes = canvas(2, 1)
    axes.plot([0, 2], [0, 1], color=HUE)
    axes.set_xlim(0, 1)  # what lies outside is clipped, by an id
    return figure


def page(*blocks: object) -> str:
    return render(Page("Title", "line", blocks))


class Balance(HTMLParser):
    """Finds elements that are closed by another's end."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


ALL_BLOCKS = (
    Headline(Estimate(0.5, 0.4, 0.6), "score", [("recall", Estimate(0.7)), ("seed", "0")]),
    Text("An explanation.", quiet=True),
    Note("Look here.", warning=True),
    Section("First", [Facts([("frames", "1,000")]), TableBlock(["behavior", "F1"], [["run", Estimate(0.5, 0.4, 0.6)]], ["mean", "0.5"])]),
    Columns(
        [
            Section("Left", [FigureBlock(svg(drawing()), "A line.")]),
            Section("Right", [FigureBlock(png(drawing()), "The same.", "A caption")]),
        ]
    ),
    Section("Last", [Gallery([FigureBlock(svg(drawing()), f"Curve {number}.", f"curve {number}") for number in range(3)])]),
)


def test_a_page_of_every_block_is_sound_and_stands_alone() -> None:
    html = page(*ALL_BLOCKS)
    parser = Balance()
    parser.feed(html)
    assert parser.open == []
    assert not re.search(r"<script|<link|@import|url\((?!#)|https?://(?!www\.w3\.org/)", html)
    assert all(source.startswith("data:image/png;base64,") for source in re.findall(r'src="([^"]*)"', html))
    assert "{{" not in html
    assert "{%" not in html


def test_no_two_figures_share_an_id_and_every_reference_has_one() -> None:
    html = page(*ALL_BLOCKS)
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    references = re.findall(r'(?:url\(#|href="#)([^")]+)', html)
    assert {*references} <= {*ids}
    assert len([one for one in references if one.startswith("figure-2")]) > 0


@pytest.mark.parametrize(
    "block",
    [
        Text(EVIL),
        Note(EVIL),
        Facts([(EVIL, "1")]),
        Facts([("name", EVIL)]),
        Headline(EVIL, "score"),
        Headline("1", EVIL),
        TableBlock([EVIL], [["1"]]),
        TableBlock(["head"], [[EVIL]]),
        TableBlock(["head"], [["1"]], [EVIL]),
        Section(EVIL, []),
        FigureBlock(svg(drawing()), "says", EVIL),
        FigureBlock(svg(drawing()), EVIL),
        FigureBlock(png(drawing()), EVIL),
    ],
    ids=lambda block: block.kind,
)
def test_text_is_text_wherever_it_stands(block: object) -> None:
    html = page(block)
    assert ESCAPED in html
    assert "<script" not in html
    assert ESCAPED in render(Page(EVIL, "line", []))


def test_an_estimate_in_a_cell_has_its_interval_beside_it() -> None:
    html = page(TableBlock(["behavior", "F1"], [["run", Estimate(0.5, 0.4, 0.6)], ["rest", Estimate(None)]]))
    assert '<tr><td class="text">run</td><td>0.500 <span class="interval">[0.400, 0.600]</span></td></tr>' in html
    assert '<tr><td class="text">rest</td><td>-</td></tr>' in html


def test_columns_of_text_are_named() -> None:
    html = page(TableBlock(["file", "fault", "rows"], [["a.csv", "no header", "3"]], text_columns=(0, 1)))
    assert '<td class="text">a.csv</td><td class="text">no header</td><td>3</td>' in html


def test_a_row_with_a_cell_too_few_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected 2 cells in each row, but got 1"):
        TableBlock(["behavior", "F1"], [["run"]])
    with pytest.raises(ValueError, match="Expected 2 cells in each row, but got 3"):
        TableBlock(["behavior", "F1"], [], ["mean", "1", "2"])


def test_a_png_is_inside_the_page_whole() -> None:
    data = png(drawing())
    (source,) = re.findall(r'<img src="data:image/png;base64,([^"]*)" alt="What it shows.">', page(FigureBlock(data, "What it shows.")))
    assert base64.b64decode(source) == data


def test_an_svg_is_as_wide_as_its_place_and_knows_its_own_width() -> None:
    html = page(FigureBlock(svg(drawing()), "A line."))
    assert '<svg role="img" aria-label="A line." style="--natural: 192px" viewBox="0 0 144 72">' in html  # 2 inches by 1


def test_only_an_svg_or_a_png_is_a_figure() -> None:
    with pytest.raises(ValueError, match="Expected an SVG with a width in points"):
        page(FigureBlock("a picture", "says"))


def test_many_sections_are_linked_from_the_top_and_few_are_not() -> None:
    html = page(*(Section(name, []) for name in ("One", "Two", "Three")), Columns([Section("Four", [])]))
    links = re.findall(r'<a href="#([^"]+)">([^<]+)</a>', html)
    assert [name for _, name in links] == ["One", "Two", "Three", "Four"]
    for anchor, name in links:
        assert f'<section id="{anchor}"><h2>{name}</h2>' in html
    assert "<nav>" not in page(Section("One", []), Section("Two", []))


def test_a_page_has_colors_for_light_and_for_dark() -> None:
    light, dark = (set(re.findall(r"--(\w+): #", part)) for part in page().split("prefers-color-scheme: dark"))
    assert light == dark
    assert set(re.findall(r"var\(--(\w+)", page(*ALL_BLOCKS))) - {"natural"} <= light
