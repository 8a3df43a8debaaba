"""The recipe of boosted trees: they know no epochs, no batches and no device."""

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
    """Widths of the windows in which signals are summed up, s."""
    symmetric: bool = False
    """Tell the lower and the higher value of both mice, not agent's and target's."""
    smooth_s: float = 2.0
    """Width of the centered mean over the answers of the trees, s."""
    most_bodyparts: int = 8
    """Distances are taken between so many bodyparts, those that most recordings track: their number grows with the square."""
    least_bouts: int = 20
    """Bouts of a behavior from which on a lab has a model of its own, where others have the behavior too."""
    refit: bool = True
    """Grow all trees again, once thresholds are fitted, with the recordings that validated among those that teach."""
    decode: DecodeSettings = field(default_factory=DecodeSettings)
    """Smoothing, gap and length of bouts, s."""

    def __post_init__(self) -> None:
        if min(self.most_bodyparts, self.least_bouts) < 1 or not self.fps > 0 or not self.smooth_s >= 0:
            wanted = "most_bodyparts and least_bouts of 1 or more, samples per second above 0 and smooth_s of 0 or more"
            raise ValueError(f"Expected {wanted}, but got {self}. Change the recipe.")

    @property
    def view(self) -> View:
        """What its recognizer sees."""
        return FAMILY.view

    @property
    def head(self) -> Head:
        """How its recognizer answers."""
        return FAMILY.head

    def to_json_dict(self) -> dict[str, Any]:
        """Return every field as JSON holds it."""
        return asdict(self)
