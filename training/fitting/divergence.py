"""The error of a diverged training; it needs no torch, so that scripts can catch it."""


class TrainingDivergedError(RuntimeError):
    """The loss is not finite; the message names the batch and the best network so far."""
