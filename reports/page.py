"""A report as one HTML page of sections: text, notes, facts, tables and figures, without other files.

It has a light and a dark mode, for telephones and large screens. All texts are plain text: the template escapes them.
"""

import base64
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.estimates import Estimate

Cell = str | Estimate
"""Text, or a number with its interval."""
_PIXELS_PER_POINT = 4 / 3
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    kind: ClassVar = "text"
    text: str
    """The text."""
    quiet: bool = False
    """Smaller and paler, for explanations."""


@dataclass(frozen=True)
class Note:
    """A paragraph that must not be overlooked."""

    kind: ClassVar = "note"
    text: str
    """The text."""
    warning: bool = False
    """Whether it is a warning."""


@dataclass(frozen=True)
class Facts:
    """Named numbers, side by side."""

    kind: ClassVar = "facts"
    facts: Sequence[tuple[str, Cell]]
    """Name and value."""


@dataclass(frozen=True)
class Headline:
    """The main number of the page, large, with facts beside it."""

    kind: ClassVar = "headline"
    value: Cell
    """The number."""
    says: str
    """Its name."""
    facts: Sequence[tuple[str, Cell]] = ()
    """As in `Facts`."""


@dataclass(frozen=True)
class TableBlock:
    """A table. Its first column stays visible if the page is narrower than the table."""

    kind: ClassVar = "table"
    head: Sequence[str]
    """Names of the columns; a line break in a name is one on the page."""
    rows: Sequence[Sequence[Cell]]
    """Cells of each row, one per column."""
    foot: Sequence[Cell] = ()
    """A separate last row, such as totals; without cells there is none."""
    text_columns: Sequence[int] = (0,)
    """Numbers of the columns with text, aligned left; all others have numbers, aligned right."""

    def __post_init__(self) -> None:
        for row in (*self.rows, *([self.foot] if self.foot else [])):
            if len(row) != len(self.head):
                raise ValueError(f"Expected {len(self.head)} cells in each row, but got {len(row)}. Give an empty text for an empty cell.")


@dataclass(frozen=True)
class FigureBlock:
    """A picture."""

    kind: ClassVar = "figure"
    image: str | bytes
    """SVG (`reports.figures.svg`), which has a light and a dark mode, or PNG."""
    says: str
    """A description for readers who cannot see it."""
    caption: Cell = ""
    """The text above it."""


@dataclass(frozen=True)
class Gallery:
    """Many small figures, as many in a row as fit."""

    kind: ClassVar = "gallery"
    figures: Sequence[FigureBlock]
    """In order."""
    wide: bool = False
    """Whether they are charts with names beside them, of which two or three fit side by side."""


@dataclass(frozen=True)
class Clip:
    """A short film, which starts when the reader wants it."""

    kind: ClassVar = "clip"
    film: bytes
    """MP4 that browsers play (H.264)."""
    poster: bytes
    """PNG that stands for it until it plays, and on paper."""
    says: str
    """A description for readers who cannot see it."""
    caption: str = ""
    """The text above it."""
    below: FigureBlock | None = None
    """A small figure that belongs to it."""


@dataclass(frozen=True)
class Clips:
    """Several clips, as many in a row as fit."""

    kind: ClassVar = "clips"
    clips: Sequence[Clip]
    """In order."""


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading."""

    kind: ClassVar = "section"
    title: str
    """The heading; the page links to it from the top."""
    blocks: Sequence["Block"]
    """Its blocks; no sections."""


@dataclass(frozen=True)
class Columns:
    """Sections side by side if they fit, else one below the other."""

    kind: ClassVar = "columns"
    sections: Sequence[Section]
    """From the left."""


Block = Text | Note | Facts | Headline | TableBlock | FigureBlock | Gallery | Clip | Clips


@dataclass(frozen=True)
class Page:
    """A whole page."""

    title: str
    """Also the name of the browser's tab."""
    line: str
    """One line below: what, when, of which data."""
    blocks: Sequence[Block | Section | Columns]
    """From top to bottom."""

    @property
    def sections(self) -> list[Section]:
        """All sections, in order."""
        parts = (block.sections if isinstance(block, Columns) else [block] for block in self.blocks)
        return [part for of_block in parts for part in of_block if isinstance(part, Section)]


def render(page: Page) -> str:
    """Return the page as HTML."""
    anchors = {id(section): f"part-{number}" for number, section in enumerate(page.sections, start=1)}
    named = {"anchor": lambda section: anchors[id(section)], "embed": _embedding(), "base64": lambda film: base64.b64encode(film).decode()}
    html = _TEMPLATES.get_template("page.html").render(page=page, **named)
    return re.sub(r"\n\s*\n+", "\n", html)


def _embedding() -> Callable[[str | bytes, str], Markup]:
    """Return a function that puts images into one page, with unique ids in each SVG."""
    numbers = itertools.count(1)

    def embed(image: str | bytes, says: str) -> Markup:
        if isinstance(image, bytes):
            return Markup('<img src="data:image/png;base64,{}" alt="{}">').format(base64.b64encode(image).decode(), says)
        own = f"figure-{next(numbers)}"
        size = re.search(r'<svg[^>]*? width="([\d.]+)pt"', image)
        if size is None:
            raise ValueError("Expected an SVG with a width in points, but got another text. Draw it with reports.figures.svg.")
        inner = image[image.index(">", size.start()) + 1 :]
        view = re.search(r'viewBox="[^"]*"', image)
        inner = re.sub(r'\bid="', f'id="{own}-', inner)
        inner = re.sub(r'(url\(#|href="#)', rf"\g<1>{own}-", inner).strip()
        opening = Markup('<svg role="img" aria-label="{}" style="--natural: {}px" {}>').format(
            says, round(float(size[1]) * _PIXELS_PER_POINT), Markup(view[0] if view else "")
        )
        return opening + Markup(inner)

    return embed
