"""A recipe of few trees, as a candidate of a development."""

from dataclasses import replace

from recognizers.boosted_trees import TreesConfig
from training.developing.candidates import Candidate
from training.recipes.trees_recipe import TreesRecipe

FEW = TreesConfig(trees=8, leaves=6, learning_rate=0.4, least_rows=5, feature_fraction=0.2, every_nth=3)


def small(name: str, seconds: float = 1.0, **changes: object) -> Candidate:
    recipe = TreesRecipe(name, FEW, windows_s=(0.5,), smooth_s=0.3, most_bodyparts=4, least_bouts=3, refit=False)
    return Candidate(replace(recipe, **changes), "for a test", seconds)  # type: ignore[arg-type]
