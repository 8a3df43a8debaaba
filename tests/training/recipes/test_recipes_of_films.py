"""The data tower declares which recipes see films, because it imports none of them; it declares all of them, and no others."""

from aws_pipeline.steps import FILM_RECIPES
from recognizers.recognizer import View
from training.recipes.named import RECIPES


def test_the_pipeline_knows_which_recipes_see_films():
    assert {name for name, make in RECIPES.items() if make().view is View.CLIP} == FILM_RECIPES
