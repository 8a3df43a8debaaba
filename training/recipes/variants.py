"""Variants of an ablation study: the plus recipe, the same with one part more or less, and the recipes it is compared with."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from training.recipes.losses import LossSettings
from training.recipes.named import AnyRecipe, cnn_transformer_plus_small, cnn_transformer_small, trees, trees_near
from training.recipes.network_recipe import Recipe
from training.recipes.track_augmentation import TrackAugmentation

WHOLE = "plus"
"""The variant that all others are compared with."""


@dataclass(frozen=True)
class Variant:
    """One row of the study."""

    name: str
    """Short; also the name of a folder."""
    description: str
    """A few words about it."""
    recipe: Callable[[], AnyRecipe]
    """Its whole configuration."""


def plus() -> Recipe:
    """Return the plus recipe at the size for two cores."""
    return replace(cnn_transformer_plus_small(), name=WHOLE)


def without_mask() -> Recipe:
    """Return plus trained with behaviors that were not annotated as absent."""
    return replace(plus(), name="without_mask", loss=_unmasked(plus()))


def with_lab() -> Recipe:
    """Return plus with embeddings of labs."""
    return replace(plus(), name="with_lab", network=replace(plus().network, labs=32))


def without_pair_attention() -> Recipe:
    """Return plus without attention between mice and relations."""
    return replace(plus(), name="without_pair_attention", network=replace(plus().network, pair_attention=False))


def with_place() -> Recipe:
    """Return plus with the place of mice in the arena."""
    return replace(plus(), name="with_place", network=replace(plus().network, place=True))


def with_stir() -> Recipe:
    """Return plus with how much each point moves, on a logarithmic scale, and without noise, which would hide it."""
    network = replace(plus().network, stir_s=trees_near().windows_s)
    return replace(plus(), name="with_stir", network=network, augmentation=TrackAugmentation(noise_cm=0.0))


def with_parts() -> Recipe:
    """Return plus with both, and without attention between mice and relations."""
    network = replace(with_stir().network, place=True, pair_attention=False)
    return replace(with_stir(), name="with_parts", network=network)


def brief() -> Recipe:
    """Return the CNN-Transformer of the brief at the size for two cores."""
    return replace(cnn_transformer_small(), name="brief")


def brief_without_mask() -> Recipe:
    """Return the same as it was published: behaviors that were not annotated count as absent."""
    return replace(brief(), name="brief_without_mask", loss=_unmasked(brief()))


def variants() -> tuple[Variant, ...]:
    """Return all variants, the whole first."""
    return (
        Variant(WHOLE, "cnn_transformer_plus, whole", plus),
        Variant("without_mask", "what was not annotated is taken as absent", without_mask),
        Variant("with_lab", "with embeddings of labs", with_lab),
        Variant("without_pair_attention", "mice do not look at each other", without_pair_attention),
        Variant("with_place", "with the place in the arena", with_place),
        Variant("with_stir", "with how much each point moves, no noise", with_stir),
        Variant("with_parts", "with both, mice do not look at each other", with_parts),
        Variant("brief", "the brief's cnn_transformer", brief),
        Variant("brief_without_mask", "the brief's, unannotated taken as absent", brief_without_mask),
        Variant("trees", "boosted trees over statistics of pairs", trees),
        Variant("trees_near", "the same for few recordings: short windows, place, moments beside", trees_near),
    )


def _unmasked(recipe: Recipe) -> LossSettings:
    assert isinstance(recipe.loss, LossSettings)  # both networks have multilabel heads
    return replace(recipe.loss, unknown_is_absent=True)
