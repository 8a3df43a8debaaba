"""Recipes to try on some recordings, in the order in which they are tried, with a guess of the time they take."""

from dataclasses import dataclass, replace

from recognizers.cnn_transformer_plus import CnnTransformerPlusConfig
from training.developing.facts import Facts
from training.recipes.named import (
    AnyRecipe,
    cnn_transformer_plus,
    cnn_transformer_plus_near,
    cnn_transformer_plus_small,
    trees,
    trees_far,
    trees_far_undirected,
    trees_near,
    trees_near_undirected,
    trees_undirected,
)
from training.recipes.network_recipe import Recipe
from training.recipes.trees_recipe import TreesRecipe

MANY_GROUPS = 12
"""From so many groups of recordings on, windows of minutes and of the whole recording are tried first."""
_FEWEST_SCORES = 2.5
"""So many scores must fall into a median bout of every behavior: else trees for many recordings score every sample."""
_MOST_UPDATES = 2_500
"""Training steps of a network on a processor: more recordings mean fewer epochs."""
_SIGNAL_S, _GROW_S, _STEP_S = 2.5e-8, 2.2e-9, 0.15
"""Seconds for one feature of one sample, for one row in one tree with one feature, and for one step of a small network. They are rough;
the first fold of each recipe corrects them."""


@dataclass(frozen=True)
class Candidate:
    """A recipe to try."""

    recipe: AnyRecipe
    """Its whole configuration."""
    why: str
    """Why it is tried, in words."""
    fold_s: float
    """A guess of the time for one fold, s."""

    @property
    def validates(self) -> bool:
        """Whether some of the training recordings choose the epoch; trees learn from all."""
        return isinstance(self.recipe, Recipe) and self.recipe.validates


def candidates(facts: Facts, device: str) -> tuple[Candidate, ...]:
    """Return what to try, the best guess first."""
    short = "trees with short windows; they also see the place in the arena and the moments before and after"
    long = "trees with windows up to a minute"
    alike = "; both mice are treated alike"
    middle = trees_undirected() if facts.one_way else trees()
    if facts.groups < MANY_GROUPS:
        first = [_trees(trees_near_undirected(), facts, short + alike)] if facts.one_way else []
        middle = replace(middle, rows=trees_near().rows)  # few recordings are taught whole
        return *first, _trees(trees_near(), facts, short), _trees(middle, facts, long), _network(facts, device)
    whole = f"{short}, three minutes and the whole recording: there are many recordings"
    fast = [(trees_far(), whole), (middle, long)]
    if facts.one_way:
        fast = [(trees_far_undirected(), whole + alike), (middle, long), (trees_far(), whole)]
    return *(_trees(_fast(recipe, facts), facts, why) for recipe, why in fast), _network(facts, device)


def _fast(recipe: TreesRecipe, facts: Facts) -> TreesRecipe:
    """Return trees with the rows and the steps of `trees_far`: on two rats this was as good, in a fraction of the time."""
    far = trees_far()
    enough = facts.shortest_s * far.fps / far.score_every >= _FEWEST_SCORES
    return replace(recipe, trees=far.trees, rows=far.rows, score_every=far.score_every if enough else 1)


def _trees(recipe: TreesRecipe, facts: Facts, why: str) -> Candidate:
    """Return trees at the rate of the recordings, if that is lower than the recipe's."""
    fps = min(recipe.fps, max(1.0, facts.fps))
    recipe = replace(recipe, fps=fps, score_every=max(1, round(recipe.score_every * fps / recipe.fps)), refit=False)
    if recipe.joint and facts.exclusive:
        why += "; one softmax, because the behaviors exclude each other"
    samples = facts.subjects_s * recipe.fps
    bodyparts = min(facts.bodyparts, recipe.most_bodyparts)
    signals = (30 + bodyparts**2 / 2) * (1 if facts.alone else 3)
    features = signals * (1 + 2 * len(recipe.windows_s) + 2 * len(recipe.beside_s))
    rows = min(samples, recipe.rows) if recipe.rows else samples / 4
    outputs = len(facts.bouts) + 1
    grow_s = rows * recipe.trees.trees * outputs * (features * recipe.trees.feature_fraction + 30) * _GROW_S
    return Candidate(recipe, why, samples * features * _SIGNAL_S + grow_s)


def _network(facts: Facts, device: str) -> Candidate:
    """Return the network over bare tracks, at the size for data and device, and at the rate of the recordings, if that is lower."""
    many = cnn_transformer_plus() if device == "cuda" else cnn_transformer_plus_small()
    recipe = many if facts.groups >= MANY_GROUPS else cnn_transformer_plus_near()
    recipe = _at_rate(recipe, min(recipe.fps, max(1.0, facts.fps)))
    windows = facts.subjects_s * recipe.fps / recipe.windowing.step
    epochs = max(4, min(recipe.epochs, round(_MOST_UPDATES * recipe.batch / max(windows, 1)))) if device == "cpu" else recipe.epochs
    recipe = replace(recipe, epochs=epochs, patience=max(recipe.patience, epochs))
    why = "a network over bare tracks, whose mistakes differ from those of trees"
    return Candidate(recipe, why, windows / recipe.batch * epochs * _STEP_S)


def _at_rate(recipe: Recipe, fps: float) -> Recipe:
    """Return the recipe of a network over tracks at other samples per second, without displacements over less than a sample."""
    network = recipe.network
    assert isinstance(network, CnnTransformerPlusConfig)
    lags_s = tuple(lag for lag in network.lags_s if round(lag * fps) >= 1)
    return replace(recipe, fps=fps, network=replace(network, fps=fps, lags_s=lags_s))
