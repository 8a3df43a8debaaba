"""Texts and numbers as Java makes them: format strings, letters in capitals, cube roots. DuckDB calls these functions by their names."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, localcontext

_SPECIFIER = re.compile(r"%(?:(\d+)\$)?([-#+ 0,(]*)([1-9]\d*)?(?:\.(\d+))?(.?)", re.DOTALL)
_UNIT = "INVALID_FUNCTION_ARGUMENT: Invalid format string"


def java_number(value: float | str) -> str:
    """Return a number as Java prints it: 1.0E7, 0.001, 1.0E-4, NaN, Infinity. A text says its shortest digits."""
    number = float(value)
    if number != number:
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "Infinity" if number > 0 else "-Infinity"
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        plain = f"{Decimal(str(value)):f}"
        return plain if "." in plain else f"{plain}.0"
    sign, digits, exponent = Decimal(str(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{int(exponent) + len(text) - 1}"


def cube_root(value: float) -> float:
    """Return the floating number nearest to a cube root; that of the C library may be the next but one."""
    if value == 0 or value != value or value in (float("inf"), float("-inf")):
        return value
    with localcontext(prec=40):
        root = float(abs(Decimal(value)) ** (Decimal(1) / 3))
    return root if value > 0 else -root


def java_upper(text: str) -> str:
    """Return a text in capitals, letter by letter: one that would become two stays as it is."""
    return "".join(letter.upper() if len(letter.upper()) == 1 else letter for letter in text)


def java_lower(text: str) -> str:
    """Return a text in small letters, letter by letter."""
    return "".join("i" if letter == "\u0130" else letter.lower() for letter in text)


def reversed_text(text: str) -> str:
    """Return the code points of a text from the last to the first."""
    return text[::-1]


def levenshtein_points(one: str, other: str) -> int:
    """Return how many code points must be put in, taken out or changed to make one text of another."""
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, start=1):
        diagonal, row[0] = row[0], place
        for column, its in enumerate(other, start=1):
            diagonal, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, diagonal + (letter != its))
    return row[-1]


def hamming_points(one: str, other: str) -> int:
    """Return at how many places two texts of one length differ. Raises ValueError for two lengths."""
    if len(one) != len(other):
        raise ValueError("INVALID_FUNCTION_ARGUMENT: The input strings to hamming_distance function must have the same length")
    return sum(a != b for a, b in zip(one, other, strict=True))


def unknown_specifiers(pattern: str) -> list[str]:
    """Return the specifiers of a format string that this disk does not know."""
    matches = [match for match in _SPECIFIER.finditer(pattern) if match[5] not in ("%", "n")]
    return [match[0] for match in matches if match[5] not in ("s", "d", "f") or set(match[2]) - set("-0,+")]


def java_format(pattern: str, letters: str, values: list[str | None]) -> str:
    """Return a text with values put into a format string; `letters` says what each was (w, d, f, b or s).

    Raises ValueError, with Trino's code, for a format string that does not go with the values.
    """
    parts, position, ordinary = [], 0, 0
    for match in _SPECIFIER.finditer(pattern):
        parts.append(pattern[position : match.start()])
        position = match.end()
        index, flags, width, precision, letter = match.groups()
        if letter in ("%", "n") and letter:
            parts.append("%" if letter == "%" else "\n")
            continue
        ordinary += index is None
        number = int(index) if index else ordinary
        if not 1 <= number <= len(values):
            raise ValueError(f"{_UNIT}: {pattern} (MissingFormatArgument: Format specifier '{match[0]}')")
        text = _field(match[0], values[number - 1], letters[number - 1], flags, int(width or 0), precision, letter)
        parts.append(text)
    return "".join([*parts, pattern[position:]])


def _field(specifier: str, value: str | None, sort: str, flags: str, width: int, precision: str | None, letter: str) -> str:
    if (("0" in flags or "-" in flags) and not width) or {"0", "-"} <= set(flags) or (letter == "s" and set(flags) - {"-"}):
        raise ValueError(f"{_UNIT}: {specifier} (IllegalFormatFlags)")
    if value is None:
        text = "null"[: int(precision)] if precision and letter == "s" else "null"
        return text.ljust(width) if "-" in flags else text.rjust(width)
    if letter == "s":
        text = java_number(value) if sort == "f" else value
        text = text[: int(precision)] if precision else text
    elif letter == "d" and sort == "w" and not precision:
        text = _with_sign(Decimal(value), f"{abs(int(value)):{',' if ',' in flags else ''}d}", flags, width)
    elif letter == "f" and sort in "fd":
        text = _fraction(value, flags, width, int(precision) if precision else 6)
    else:
        names = {"w": "Long", "d": "BigDecimal", "f": "Double", "b": "Boolean", "s": "String"}
        raise ValueError(f"{_UNIT}: {specifier} (IllegalFormatConversion: {letter} != java.lang.{names[sort]})")
    return text.ljust(width) if "-" in flags else text.rjust(width)


def _fraction(value: str, flags: str, width: int, places: int) -> str:
    """Return a number with so many decimals: Java rounds its shortest digits half up, not its binary value half to even."""
    number = Decimal(value)
    if not number.is_finite():
        return java_number(value) if "+" not in flags or number.is_nan() or number < 0 else f"+{java_number(value)}"
    digits = number.copy_abs().quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return _with_sign(number, f"{digits:{',' if ',' in flags else ''}.{places}f}", flags, width)


def _with_sign(number: Decimal, digits: str, flags: str, width: int) -> str:
    sign = "-" if number.is_signed() else "+" if "+" in flags else ""
    return sign + (digits.rjust(width - len(sign), "0") if "0" in flags else digits)
