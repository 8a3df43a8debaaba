"""Fields of a recipe set from text, as flags and tuning jobs set them."""

import re

import pytest

from behavior.contract import UsageError
from training.recipes.fields import flag_fields, settable, with_fields
from training.recipes.named import RECIPES, cnn_transformer_small, trees


def test_fields_and_fields_of_parts_are_set_in_the_kind_that_they_have() -> None:
    recipe = cnn_transformer_small()
    changed = with_fields(recipe, {"network.dropout": "0.25", "batch": "16", "loss.kind": "focal", "half_features": "false"})
    assert (changed.network.dropout, changed.batch, changed.loss.kind, changed.half_features) == (0.25, 16, "focal", False)
    assert changed.network.width == recipe.network.width
    assert with_fields(trees(), {"trees.leaves": "7"}).trees.leaves == 7


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_has_fields_that_can_be_set_to_what_they_are(name: str) -> None:
    recipe = RECIPES[name]()
    known = settable(recipe)
    assert known
    assert with_fields(recipe, {field: str(value) for field, value in known.items()}) == recipe


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("network.droput", "0.2", "but got network.droput. Name one of them."),
        ("name", "other", "but got name. Name one of them."),
        ("batch", "16.5", "Expected a whole number for batch, but got 16.5."),
        ("learning_rate", "fast", "Expected a number for learning_rate, but got fast."),
        ("half_features", "maybe", "Expected true or false for half_features, but got maybe."),
        ("loss.kind", "hinge", "Expected the loss bce or focal, but got hinge."),
        ("batch", "0", "Expected epochs, batch and patience of 1 or more"),
    ],
)
def test_what_a_recipe_cannot_have_is_refused(field: str, text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=re.escape(sentence)):
        with_fields(cnn_transformer_small(), {field: text})


def test_flags_name_fields_without_dots() -> None:
    words = ["--recipe__network__dropout", "0.2", "--recipe__learning_rate=1e-3"]
    assert flag_fields(words) == {"network.dropout": "0.2", "learning_rate": "1e-3"}
    for wrong in (["--epoch", "3"], ["--recipe__batch"], ["surplus"]):
        with pytest.raises(UsageError, match="Expected flags of --help, and --recipe__FIELD VALUE, but got"):
            flag_fields(wrong)
