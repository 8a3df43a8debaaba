"""Settings of a recipe are changed by their paths; what it does not have, or refuses, is said in one line."""

import pytest

from behavior.contract import UsageError
from training.recipes.changes import changed, changes_in
from training.recipes.named import cnn_transformer_plus_small, film_tcn, pain_cnn3d


def test_a_setting_deep_in_a_recipe_is_changed_and_all_others_stay():
    recipe = changed(film_tcn(), ["features.picture.around_mouse_px=160", "augmentation.mixup=0.2", "network.dilations=[1, 2]"])
    assert recipe.features.picture.around_mouse_px == 160
    assert (recipe.augmentation.mixup, recipe.augmentation.flip) == (0.2, 0.5)
    assert recipe.network.dilations == (1, 2)
    assert recipe.windowing == film_tcn().windowing


def test_whole_numbers_are_numbers_with_a_point_where_the_setting_has_one():
    assert changed(pain_cnn3d(), ["augmentation.noise=2"]).augmentation.noise == 2.0


def test_settings_that_only_fit_each_other_are_changed_together():
    recipe = changed(cnn_transformer_plus_small(), ["fps=20", "network.fps=20", "network.place=true"])
    assert (recipe.fps, recipe.network.fps, recipe.network.place) == (20.0, 20.0, True)
    with pytest.raises(UsageError, match="Expected a value that fps can have, but got 20: Expected a network at the recipe's samples"):
        changed(cnn_transformer_plus_small(), ["fps=20"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("mixup", "Expected --set PATH=VALUE, but got mixup"),
        ("augmentation.mix=1", "Expected a setting of the recipe, but got augmentation.mix. At mix, choose one of flip"),
        ("augmentation.flip.more=1", "Expected a setting of the recipe, but got augmentation.flip.more"),
        ("epochs.more=1", "Expected a setting of the recipe, but got epochs.more"),
        ("augmentation=1", "which has several. Add one of flip"),
        ("augmentation.flip=2", "Expected a value that augmentation.flip can have, but got 2: Expected shares from 0 to 1"),
        ("batch=many", "Expected batch to be like 32, but got 'many'"),
    ],
)
def test_a_change_without_sense_is_refused(change: str, message: str):
    with pytest.raises(UsageError) as refused:
        changed(pain_cnn3d(), [change])
    assert message in str(refused.value)


def test_hyperparameters_name_settings_without_dots():
    words = ["--recipe__network__dropout", "0.2", "--recipe__learning_rate=1e-3"]
    assert changes_in(words) == ["network.dropout=0.2", "learning_rate=1e-3"]
    for wrong in (["--epoch", "3"], ["--recipe__batch"], ["surplus"]):
        with pytest.raises(UsageError, match="Expected flags of --help, and --recipe__SETTING VALUE, but got"):
            changes_in(wrong)
