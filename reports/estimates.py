"""Estimates: a number with its interval, and both as text."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A value with its interval."""

    value: float | None
    """None if there was nothing to measure."""
    low: float | None = None
    """Lower end of the interval; None without one."""
    high: float | None = None
    """Upper end; None without one."""

    @property
    def number(self) -> str:
        """The value as text; a dash if there is none."""
        return number_text(self.value)

    @property
    def interval(self) -> str:
        """The interval in brackets; nothing if there is none."""
        if self.low is None or self.high is None:
            return ""
        return f"[{self.low:.3f}, {self.high:.3f}]"

    def __str__(self) -> str:
        return f"{self.number} {self.interval}".rstrip()


def number_text(value: float | None) -> str:
    """Return a number with three decimals; a dash if there is none."""
    return "-" if value is None else f"{value:.3f}"


def gain_text(gain: Estimate) -> str:
    """Return a difference with its sign and interval; if the interval contains 0, the text says so."""
    if gain.value is None or gain.low is None or gain.high is None:
        return "-"
    claim = "" if gain.low > 0 or gain.high < 0 else ", within the noise"
    return f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]{claim}"
