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


def with_pair_attention() -> Recipe:
    """Return plus with attention between mice and relations."""
    return replace(plus(), name="with_pair_attention", network=replace(plus().network, pair_attention=True))


def without_place() -> Recipe:
    """Return plus without the place of mice in the arena."""
    return replace(plus(), name="without_place", network=replace(plus().network, place=False))


def without_stir() -> Recipe:
    """Return plus without how much each point moves, on a logarithmic scale."""
    return replace(plus(), name="without_stir", network=replace(plus().network, stir_s=()))


def with_noise() -> Recipe:
    """Return plus with noise of a millimeter on every place in training."""
    return replace(plus(), name="with_noise", augmentation=TrackAugmentation())


def version_0_2() -> Recipe:
    """Return plus as it was in version 0.2.0, apart from the embedding of labs."""
    network = replace(plus().network, place=False, stir_s=(), joint=False, pair_attention=True)
    return replace(plus(), name="version_0_2", network=network, augmentation=TrackAugmentation())


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
        Variant("with_pair_attention", "mice and relations attend to each other", with_pair_attention),
        Variant("without_place", "without the place in the arena", without_place),
        Variant("without_stir", "without how much each point moves", without_stir),
        Variant("with_noise", "with noise of a millimeter on places", with_noise),
        Variant("version_0_2", "plus as it was in version 0.2.0", version_0_2),
        Variant("brief", "the brief's cnn_transformer", brief),
        Variant("brief_without_mask", "the brief's, unannotated taken as absent", brief_without_mask),
        Variant("trees", "boosted trees over statistics of pairs", trees),
        Variant("trees_near", "the same for few recordings: short windows, place, moments beside", trees_near),
    )


def _unmasked(recipe: Recipe) -> LossSettings:
    assert isinstance(recipe.loss, LossSettings)  # both networks have multilabel heads
    return replace(recipe.loss, unknown_is_absent=True)
