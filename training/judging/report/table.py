"""Tables and numbers of a report as HTML."""

from collections.abc import Iterable, Mapping, Sequence

from training.judging.report.summary import estimate_text


def table(head: Iterable[str], rows: Iterable[Sequence[str]], foot: Sequence[str] = ()) -> str:
    """Return a table that scrolls sideways where it is too wide; cells are HTML."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    bottom = f"<tfoot><tr>{''.join(f'<td>{cell}</td>' for cell in foot)}</tr></tfoot>" if foot else ""
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody>{bottom}</table></div>'


def with_interval(estimate: Mapping[str, float | None]) -> str:
    """Return a number and its interval."""
    return f"{number(estimate['value'])} <span>{interval(estimate)}</span>"


def interval(estimate: Mapping[str, float | None]) -> str:
    """Return the interval of a number; nothing if it has none."""
    return "" if estimate["low"] is None else estimate_text(estimate).partition(" ")[2]


def number(value: float | None) -> str:
    """Return a number with three decimals."""
    return "-" if value is None else f"{value:.3f}"
