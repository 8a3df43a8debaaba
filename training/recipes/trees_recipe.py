"""The recipe of boosted trees: they have no epochs, no batches and no device."""

from dataclasses import asdict, dataclass, field
from typing import Any

from behavior.bouts import DecodeSettings
from recognizers.boosted_trees import TreesConfig
from recognizers.recognizer import Head, View
from recognizers.trees import FAMILY


@dataclass(frozen=True)
class TreesRecipe:
    """Everything that growing trees depends on, apart from data and seed."""

    name: str
    """Name of the function in `training.recipes.named` that returned it."""
    trees: TreesConfig = field(default_factory=TreesConfig)
    """How trees are grown."""
    family: str = "trees"
    """Name in `recognizers.families.FAMILIES`."""
    fps: float = 30.0
    """Samples per second that the trees see, 1/s."""
    windows_s: tuple[float, ...] = (0.5, 2.0, 5.0)
    """Widths of the windows for means and deviations of signals, s."""
    beside_s: tuple[float, ...] = ()
    """The mean in the shortest window is also taken so long before and after each sample, s."""
    place: bool = False
    """The trees also see where in the arena a mouse is."""
    fastest_cm_per_s: float | None = None
    """Motion across a jump that is faster than this is unknown, cm/s: the tracker jumped, not the mouse; None uses all motion."""
    joint: bool = False
    """One softmax for all behaviors, if the labels of the training recordings show that they exclude each other."""
    rows: int = 0
    """Thin the samples to about so many training rows; 0 for the fixed thinning of `trees`."""
    symmetric: bool = False
    """Use the lower and the higher value of both mice, not agent's and target's."""
    smooth_s: float = 1.0
    """Width of the centered mean over the scores of the trees, s; on two rats 1 s gained 0.003 in PR-AUC over 2 s."""
    score_every: int = 1
    """Score the middle one of so many samples, for all of them: bouts are longer than a sample, and scoring takes much of the time."""
    most_bodyparts: int = 8
    """Number of bodyparts for distances, those that most recordings track; the number of distances grows with its square."""
    least_bouts: int = 20
    """A lab with at least so many bouts of a behavior has a model of its own, if the behavior also occurs in other labs."""
    refit: bool = True
    """Grow all trees again after thresholds are fitted, with validation recordings as additional training recordings."""
    decode: DecodeSettings = field(default_factory=DecodeSettings)
    """Smoothing, gap and length of bouts, s."""

    def __post_init__(self) -> None:
        if min(self.most_bodyparts, self.least_bouts, self.score_every) < 1 or not self.fps > 0 or not min(self.smooth_s, self.rows) >= 0:
            expected = (
                "most_bodyparts, least_bouts and score_every of 1 or more, samples per second above 0, smooth_s and rows of 0 or more"
            )
            raise ValueError(f"Expected {expected}, but got {self}. Change the recipe.")

    @property
    def view(self) -> View:
        """View of its recognizer."""
        return FAMILY.view

    @property
    def head(self) -> Head:
        """Head of its recognizer."""
        return FAMILY.head

    def to_json_dict(self) -> dict[str, Any]:
        """Return every field, for JSON."""
        return asdict(self)
