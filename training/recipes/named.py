"""Recipes: named functions, each returning the whole configuration of a training run. Hardware is a value, never a name.

A variant is a function that changes some fields: `replace(cnn_transformer(), epochs=60)`.
"""

from collections.abc import Callable
from dataclasses import replace

from behavior.views.arena_features import ArenaFeatures
from behavior.views.film_views import FilmEmbeddings, FilmPictures
from recognizers.boosted_trees import TreesConfig
from recognizers.cnn_transformer import CnnTransformerConfig
from recognizers.cnn_transformer_plus import CnnTransformerPlusConfig
from recognizers.conv_bilstm import ConvBilstmConfig
from recognizers.film_tcn import FilmTcnConfig, TimeConfig
from recognizers.pain_cnn3d import PainCnn3dConfig
from recognizers.windowed import Windowing
from training.recipes.augmentation import Augmentation
from training.recipes.film_augmentation import FilmAugmentation
from training.recipes.losses import ExclusiveLossSettings, LossSettings
from training.recipes.network_recipe import Recipe
from training.recipes.schedules import Cosine, Plateau, WarmRestarts
from training.recipes.track_augmentation import TrackAugmentation
from training.recipes.trees_recipe import TreesRecipe


def cnn_transformer() -> Recipe:
    """Return the CNN-Transformer of the brief: width 256, 6 layers, windows of 128 samples."""
    return Recipe("cnn_transformer", "cnn_transformer", CnnTransformerConfig())


def cnn_transformer_small() -> Recipe:
    """Return a CNN-Transformer for the demo and for two cores: width 64, 2 layers."""
    network = CnnTransformerConfig(width=64, kernel=3, layers=2, heads=4, feedforward=2)
    return replace(cnn_transformer(), name="cnn_transformer_small", network=network, epochs=12, batch=32, learning_rate=2e-3, patience=6)


def cnn_transformer_plus() -> Recipe:
    """Return one network for all labs over bare tracks: width 256, 6 layers, windows of 256 samples.

    It has no embedding of the lab: the list of annotated behaviors already tells the lab, and the embedding cost 0.018 on simulated labs.
    """
    return Recipe(
        "cnn_transformer_plus",
        "cnn_transformer_plus",
        CnnTransformerPlusConfig(labs=0),
        windowing=Windowing(256, 128),
        augmentation=TrackAugmentation(),
        ema=0.999,
    )


def cnn_transformer_plus_small() -> Recipe:
    """Return the same for two cores: width 64, 2 layers."""
    network = CnnTransformerPlusConfig(width=64, kernel=3, layers=2, heads=4, feedforward=2, token=32, labs=0)
    return replace(
        cnn_transformer_plus(),
        name="cnn_transformer_plus_small",
        network=network,
        epochs=12,
        batch=16,
        learning_rate=2e-3,
        ema=0.99,
        patience=6,
    )


def cnn_transformer_plus_near() -> Recipe:
    """Return the small one for few recordings: it also sees what `trees_near` sees, and learns less by heart.

    That is the place in the arena, how much each point moves, and one softmax if the labels exclude each other. Noise on the places would
    hide how little a mouse moves that rests. It learns from all recordings, so its thresholds must come from out-of-fold scores
    (`develop.py`, `cross_validate.py`). What each part is worth: docs/experiments.md.
    """
    small = cnn_transformer_plus_small()
    assert isinstance(small.network, CnnTransformerPlusConfig)
    network = replace(small.network, dropout=0.3, pair_attention=False, place=True, stir_s=trees_near().windows_s, joint=True)
    return replace(
        small,
        name="cnn_transformer_plus_near",
        network=network,
        augmentation=TrackAugmentation(scale=0.2, noise_cm=0.0, drop_bodypart=0.25),
        loss=LossSettings(max_weight=1.0),
        validates=False,
    )


def conv_bilstm_144() -> Recipe:
    """Return the Conv1D-BiLSTM of the brief over places alone: windows of 100 samples, four groups of behaviors."""
    return Recipe(
        "conv_bilstm_144",
        "conv_bilstm",
        ConvBilstmConfig(),
        features=ArenaFeatures(motion=False),
        windowing=Windowing(100, 50),
        augmentation=Augmentation(noise=0.01, jitter=2),
        loss=ExclusiveLossSettings(weights=(1.0, 5.0, 8.0, 8.0)),
        epochs=100,
        learning_rate=4e-4,
        schedule=Plateau(),
        weight_decay=1e-4,
        patience=15,
    )


def conv_bilstm_288() -> Recipe:
    """Return the same with speed and acceleration of every keypoint."""
    return replace(conv_bilstm_144(), name="conv_bilstm_288", features=ArenaFeatures(motion=True))


def conv_bilstm_small() -> Recipe:
    """Return a Conv1D-BiLSTM with motion for two cores: channels 32-64, one LSTM layer of 48."""
    network = ConvBilstmConfig(channels=(32, 64), hidden=48, layers=1)
    return replace(conv_bilstm_288(), name="conv_bilstm_small", network=network, epochs=12, batch=16, learning_rate=2e-3, patience=6)


def pain_cnn3d() -> Recipe:
    """Return the 3-D CNN of the brief over clips of 16 frames of a film: 3 million weights, six behaviors."""
    return Recipe(
        "pain_cnn3d",
        "pain_cnn3d",
        PainCnn3dConfig(),
        features=FilmPictures(),
        windowing=Windowing(16, 4),
        augmentation=FilmAugmentation(),
        loss=ExclusiveLossSettings(),
        epochs=100,
        batch=32,
        schedule=WarmRestarts(),
        weight_decay=1e-4,
        patience=15,
    )


def pain_cnn3d_light() -> Recipe:
    """Return the same with 0.6 million weights."""
    network = PainCnn3dConfig(channels=(16, 32, 80, 208), hidden=256)
    return replace(pain_cnn3d(), name="pain_cnn3d_light", network=network)


def film_tcn() -> Recipe:
    """Return a network that answers for every frame: pictures and their motion, then convolutions over seconds."""
    return replace(
        pain_cnn3d(),
        name="film_tcn",
        family="film_tcn",
        network=FilmTcnConfig(),
        windowing=Windowing(64, 32),
        epochs=40,
        batch=8,
        learning_rate=2e-3,
        schedule=Cosine(),
    )


def embedding_tcn() -> Recipe:
    """Return the same over embeddings of each frame (<film>.npy beside the film) that another program computed, such as a large network."""
    return replace(
        film_tcn(),
        name="embedding_tcn",
        family="embedding_tcn",
        network=TimeConfig(),
        features=FilmEmbeddings(),
        augmentation=Augmentation(),
    )


def trees() -> TreesRecipe:
    """Return boosted trees over the statistics of pairs: for comparison, and for labs without a GPU.

    They have the short windows, the moments beside and the place of `trees_near`, and windows up to a minute.
    """
    grown = TreesConfig(
        trees=150, leaves=15, learning_rate=0.05, least_rows=30, l2=10.0, feature_fraction=0.05, every_nth=8, every_nth_positive=2
    )
    return TreesRecipe("trees", grown, windows_s=(0.25, 1.0, 3.0, 15.0, 60.0), beside_s=(0.4, 0.8), place=True)


def trees_undirected() -> TreesRecipe:
    """Return the same for labels that do not say which mouse acts: agent and target have the same statistics."""
    return replace(trees(), name="trees_undirected", symmetric=True)


def trees_near() -> TreesRecipe:
    """Return trees for few recordings: short windows, what was a moment before and after, the place in the arena, small trees.

    If the labels exclude each other, one softmax scores all behaviors. What each part is worth: docs/experiments.md.
    """
    grown = TreesConfig(trees=400, leaves=7, learning_rate=0.04, least_rows=30, l2=10.0, feature_fraction=0.1)
    return TreesRecipe(
        "trees_near",
        grown,
        windows_s=(0.25, 1.0, 3.0),
        beside_s=(0.4, 0.8),
        place=True,
        joint=True,
        rows=40_000,
        smooth_s=0.4,
        most_bodyparts=10,
    )


def trees_near_undirected() -> TreesRecipe:
    """Return the same for labels that do not say which mouse acts."""
    return replace(trees_near(), name="trees_near_undirected", symmetric=True)


def trees_far() -> TreesRecipe:
    """Return trees for many recordings: short windows with the moments beside, and windows of minutes up to the whole recording.

    It scores ten times a second. There are many small steps, and each tree sees a fiftieth of the features: with fewer and larger steps,
    which features a tree happened to see decided what became of rare behaviors.
    """
    grown = TreesConfig(trees=400, leaves=15, learning_rate=0.02, least_rows=30, l2=40.0, feature_fraction=0.02)
    return TreesRecipe(
        "trees_far",
        grown,
        windows_s=(0.25, 1.0, 3.0, 15.0, 60.0, 180.0, 1800.0),
        beside_s=(0.4, 0.8),
        place=True,
        rows=40_000,
        score_every=3,
    )


def trees_far_undirected() -> TreesRecipe:
    """Return the same for labels that do not say which mouse acts."""
    return replace(trees_far(), name="trees_far_undirected", symmetric=True)


AnyRecipe = Recipe | TreesRecipe
"""Any recipe of a session."""
RECIPES: dict[str, Callable[[], AnyRecipe]] = {
    recipe.__name__: recipe
    for recipe in (
        cnn_transformer,
        cnn_transformer_small,
        cnn_transformer_plus,
        cnn_transformer_plus_small,
        cnn_transformer_plus_near,
        conv_bilstm_144,
        conv_bilstm_288,
        conv_bilstm_small,
        pain_cnn3d,
        pain_cnn3d_light,
        film_tcn,
        embedding_tcn,
        trees,
        trees_undirected,
        trees_near,
        trees_near_undirected,
        trees_far,
        trees_far_undirected,
    )
}
