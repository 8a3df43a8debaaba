"""From a curated zone and any recipe to a session: which kind of session runs it follows from the kind of recipe."""

from pathlib import Path

from training.fitting.network_session import prepare_network
from training.fitting.session import Machine, Session
from training.fitting.tree_session import prepare_trees
from training.material.curated_zone import CuratedZone
from training.material.folds import Split, split_videos
from training.recipes.named import AnyRecipe
from training.recipes.network_recipe import Recipe

ON_THIS_PROCESSOR = Machine()


def prepare(curated: Path, recipe: AnyRecipe, seed: int, machine: Machine = ON_THIS_PROCESSOR, split: Split | None = None) -> Session:
    """Read the curated zone and build what the recipe asks for. Files of held-out recordings are never opened.

    `split` says who teaches, validates and is held out, and leaves all other recordings aside; without it folds decide, which keep
    the same content together as far as the zone says what is the same.

    Raises ContractError with all faults of the data.
    """
    zone = CuratedZone(curated)
    split = split or split_videos({one.video_id: one.lab_id for one in zone.annotated_recordings()}, zone.content_groups())
    if isinstance(recipe, Recipe):
        return prepare_network(zone, recipe, seed, split, machine)
    return prepare_trees(zone, recipe, seed, split, machine)
