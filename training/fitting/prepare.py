"""Prepare a session for any recipe; the kind of recipe decides the kind of session."""

from pathlib import Path

from training.fitting.network_session import prepare_network
from training.fitting.session import Machine, Session
from training.fitting.tree_session import prepare_trees
from training.material.curated_zone import CuratedZone
from training.material.folds import Split, split_videos
from training.material.zones import ZONES, Zone
from training.recipes.named import AnyRecipe
from training.recipes.network_recipe import Recipe

ON_THIS_PROCESSOR = Machine()


def prepare(
    curated: Path | Zone, recipe: AnyRecipe, seed: int, machine: Machine = ON_THIS_PROCESSOR, split: Split | None = None
) -> Session:
    """Return a session with data from the curated zone. Files of held-out recordings are never opened.

    `split` says which recordings are for training, for validation and held out; all others are ignored. Without it, `split_videos`
    decides; recordings with the same content stay together, if the zone has content groups.

    Raises ContractError with all faults of the data.
    """
    zone = ZONES[recipe.view](curated) if isinstance(curated, Path) else curated
    split = split or split_videos({one.video_id: one.lab_id for one in zone.annotated_recordings()}, zone.content_groups())
    if isinstance(recipe, Recipe):
        return prepare_network(zone, recipe, seed, split if recipe.validates else split.without_validation(), machine)
    assert isinstance(zone, CuratedZone)  # trees see tracks
    return prepare_trees(zone, recipe, seed, split, machine)
