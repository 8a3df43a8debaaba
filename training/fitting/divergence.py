"""The one way in which training itself fails; without torch, for scripts to catch."""


class TrainingDivergedError(RuntimeError):
    """The loss is no number any more; the message names the batch and what is left."""
