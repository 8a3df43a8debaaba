"""Schedules of the learning rate. A rate depends only on the steps and scores so far, so that a resumed run needs no other state."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cosine:
    """A linear warm-up, then a cosine to 0 at the last step."""

    warmup: float = 0.05
    """Share of all steps in which the rate rises."""

    def __post_init__(self) -> None:
        if not 0 <= self.warmup < 1:
            raise ValueError(f"Expected a warm-up from 0 to below 1, but got {self.warmup}. Use 0.05.")

    def rate(self, peak: float, step: int, steps_per_epoch: int, epochs: int, scores: Sequence[float | None]) -> float:
        """Return the rate at a step, counted from 0 over all epochs. `scores` are the validation scores of the epochs done."""
        return peak * rate_share(step, epochs * steps_per_epoch, self.warmup)


@dataclass(frozen=True)
class Plateau:
    """A linear warm-up, then a constant rate, which is reduced when the validation score has not risen for some epochs."""

    warmup_epochs: int = 2
    """Epochs in which the rate rises."""
    patience: int = 5
    """Epochs without a better score before the rate falls after the next one."""
    factor: float = 0.5
    """The rate is multiplied by this."""
    min_rate: float = 1e-5
    """The lowest rate."""

    def __post_init__(self) -> None:
        if self.warmup_epochs < 0 or self.patience < 0 or not 0 < self.factor < 1 or self.min_rate < 0:
            expected = "warmup_epochs, patience and min_rate of 0 or more and a factor between 0 and 1"
            raise ValueError(f"Expected {expected}, but got {self}. Change the schedule.")

    def rate(self, peak: float, step: int, steps_per_epoch: int, epochs: int, scores: Sequence[float | None]) -> float:
        """Return the rate at a step, as `Cosine.rate` does; without validation it stays at its peak."""
        rising = self.warmup_epochs * steps_per_epoch
        if step < rising:
            return peak * (step + 1) / (rising + 1)
        return max(peak * self.factor ** self._falls(scores), min(self.min_rate, peak))

    def _falls(self, scores: Sequence[float | None]) -> int:
        best, waited, falls = -math.inf, 0, 0
        for score in scores:
            if score is None or score > best:
                best, waited = -math.inf if score is None else score, 0
                continue
            waited += 1
            if waited > self.patience:
                falls, waited = falls + 1, 0
        return falls


@dataclass(frozen=True)
class WarmRestarts:
    """A cosine from the peak to a low rate, again and again; each time it lasts longer."""

    epochs: int = 10
    """Length of the first cosine."""
    factor: int = 2
    """Each cosine is so many times as long as the one before."""
    low: float = 1e-2
    """Share of the peak at the end of each cosine."""

    def __post_init__(self) -> None:
        if min(self.epochs, self.factor) < 1 or not 0 <= self.low < 1:
            raise ValueError(f"Expected epochs and factor of 1 or more and low from 0 to below 1, but got {self}. Change the schedule.")

    def rate(self, peak: float, step: int, steps_per_epoch: int, epochs: int, scores: Sequence[float | None]) -> float:
        """Return the rate at a step, as `Cosine.rate` does."""
        length = self.epochs * steps_per_epoch
        while step >= length:
            step -= length
            length *= self.factor
        return peak * (self.low + (1 - self.low) * 0.5 * (1 + math.cos(math.pi * step / length)))


Schedule = Cosine | Plateau | WarmRestarts


def rate_share(step: int, steps: int, warmup: float) -> float:
    """Return the share of the peak rate at a step: a linear warm-up over the share `warmup` of all steps, then a cosine to 0."""
    rising = warmup * steps
    if step < rising:
        return (step + 1) / (rising + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(steps - rising, 1)))
