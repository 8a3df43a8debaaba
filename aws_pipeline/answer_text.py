"""An answer as people and programs read it: a table for a terminal or a pipe, CSV, JSON."""

import io
import json
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("table", "csv", "json")
_GAP = 2
_LEAST_TEXT = 12


def as_text(rows: "pd.DataFrame", form: str, width: int | None = None) -> str:
    """Return an answer as a table, CSV or JSON. A table wider than `width` is told row by row; without `width` it may be of any width."""
    if form == "csv":
        return rows.to_csv(index=False)
    if form == "json":
        return _json(rows)
    return _table(rows, width)


def _json(rows: "pd.DataFrame") -> str:
    """Return one JSON array, an object a line; a missing value is null."""
    plain = [{name: _plain(value) for name, value in row.items()} for row in rows.astype(object).to_dict("records")]
    return "[" + ",".join("\n" + json.dumps(row, ensure_ascii=False, default=str) for row in plain) + "\n]\n"


def _plain(value: Any) -> Any:
    import pandas as pd

    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, Decimal):
        return float(value)
    return value.item() if hasattr(value, "item") else value


def _table(rows: "pd.DataFrame", width: int | None) -> str:
    from pandas.api.types import is_numeric_dtype
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    columns = [(str(name), _cells(rows.iloc[:, place])) for place, name in enumerate(rows.columns)]
    widths = [max(map(len, [name, *cells])) for name, cells in columns]
    numeric = [is_numeric_dtype(kind) for kind in rows.dtypes]
    gaps = _GAP * (len(columns) - 1)
    least = sum(length if is_number else min(length, _LEAST_TEXT) for length, is_number in zip(widths, numeric, strict=True))
    if width is not None and least + gaps > width:
        return _records(columns, len(rows), width)
    folds = width is not None and sum(widths) + gaps > width
    table = Table(box=SIMPLE_HEAD, padding=(0, _GAP - 1, 0, 0), pad_edge=False, show_edge=False)
    for (name, _), is_number, length in zip(columns, numeric, widths, strict=True):
        kept = is_number or not folds
        table.add_column(
            Text(name),
            justify="right" if is_number else "left",
            no_wrap=kept,
            overflow="fold",
            min_width=length if kept else min(length, _LEAST_TEXT),
        )
    for cells in zip(*(cells for _, cells in columns), strict=True):
        table.add_row(*map(Text, cells))
    return _rendered(table, width if folds and width else sum(widths) + gaps)


def _records(columns: list[tuple[str, list[str]]], n_rows: int, width: int) -> str:
    """Return rows one below the other, a column a line; long values are folded."""
    from rich.table import Table
    from rich.text import Text

    records = []
    for row in range(n_rows):
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, _GAP, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, cells in columns:
            table.add_row(Text(name), Text(cells[row]))
        records.append(f"row {row + 1}\n" + _rendered(table, width))
    return "\n".join(records)


def _rendered(table: Any, width: int) -> str:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False)
    console.print(table)
    return "".join(line.rstrip() + "\n" for line in console.file.getvalue().splitlines())  # type: ignore[attr-defined]


def _cells(column: "pd.Series[Any]") -> list[str]:
    """Return values as text: fractions of one column with as many decimals as give its largest value four digits."""
    from pandas.api.types import is_float_dtype

    if not is_float_dtype(column.dtype):
        return ["null" if value is None else str(value) for value in map(_plain, column.astype(object))]
    values = [_plain(value) for value in column.astype(object)]
    largest = max((abs(value) for value in values if value), default=0.0)
    decimals = min(max(3 - math.floor(math.log10(largest)), 0), 6) if largest else 0
    texts = ["null" if value is None else f"{value:.{decimals}f}" for value in values]
    if decimals:
        needed = max((len(text.rstrip("0").partition(".")[2]) for text in texts if text != "null"), default=0)
        texts = [text if text == "null" else f"{float(text):.{needed}f}" for text in texts]
    return texts
