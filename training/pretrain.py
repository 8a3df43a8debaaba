"""Pretrain a network on recordings without labels: it learns to forecast motion over tracks, and training starts from its weights.

    python training/pretrain.py --curated s3_mock/curated-zone --recipe cnn_transformer_plus --output checkpoints/trunk.safetensors
    python training/train.py --curated s3_mock/curated-zone --recipe cnn_transformer_plus --trunk checkpoints/trunk.safetensors

It reads only recordings without labels, so that no recording that is scored later is used. Skill is 1 - loss / loss of the forecast
"mice do not move", over validation windows.
Exit codes: 0 written, 1 something unexpected, 2 usage, 4 the curated data break their contract, 130 interrupted.
"""

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, ContractError, UsageError
from behavior.whole_file import check_place
from training.command_line import add_machine_flags, chosen_machine, chosen_recipe, curated_folder, run_script

if TYPE_CHECKING:
    from training.fitting.forecasting import ForecastEpoch


def main(arguments: list[str] | None = None) -> int:
    """Learn to forecast as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return run_script(lambda: _pretrain(flags))


def _pretrain(flags: argparse.Namespace) -> int:
    curated, machine = curated_folder(flags), chosen_machine(flags)
    import torch

    from behavior.views.pair_features import common_bodyparts
    from behavior.views.pair_tracks import PairTracks
    from recognizers.cnn_transformer_plus import CnnTransformerPlus, CnnTransformerPlusConfig
    from recognizers.families import network_family
    from training.fitting.forecasting import N_FORECASTS, ForecastSettings, learn_to_forecast
    from training.fitting.trunk import Trunk
    from training.material.curated_zone import CuratedZone
    from training.material.forecast_tracks import stacked_tracks
    from training.recipes.network_recipe import Recipe

    recipe, device = chosen_recipe(flags), torch.device(machine.device)
    if not isinstance(recipe, Recipe) or network_family(recipe.family).features is not PairTracks:
        raise UsageError(f"Expected a recipe over tracks, such as cnn_transformer_plus, but got {recipe.name}. Choose one.")
    family = network_family(recipe.family)
    if flags.forecast_epochs is not None and flags.forecast_epochs < 1:
        raise UsageError(f"Expected --forecast-epochs of 1 or more, but got {flags.forecast_epochs}. Leave it out.")
    settings = replace(ForecastSettings(), **({} if flags.forecast_epochs is None else {"epochs": flags.forecast_epochs}))
    check_place(flags.output)  # before hours of training
    zone = CuratedZone(curated)
    unlabelled = zone.unlabelled_recordings()
    if not unlabelled:
        raise ContractError([f"Expected recordings without labels in {curated}, but got none. Add some to train.csv."])
    assert isinstance(recipe.network, CnnTransformerPlusConfig)  # the one family over tracks
    config = replace(recipe.network, joint=False)  # forecasts do not exclude each other
    layout = PairTracks(common_bodyparts(zone.bodyparts(unlabelled)), recipe.fps, config.place)
    tracks, starts = stacked_tracks(map(zone.material, unlabelled), layout, settings.windowing)
    print(f"{len(unlabelled)} recordings without labels, {len(tracks):,} samples, {len(starts):,} windows; device {device}.", flush=True)

    torch.manual_seed(flags.seed)
    _, network = family.build(asdict(config), len(layout.names), N_FORECASTS)
    assert isinstance(network, CnnTransformerPlus)
    history = learn_to_forecast(network.to(device), tracks.to(device), starts.to(device), settings, flags.seed, _print_epoch)
    videos = tuple(sorted(recording.video_id for recording in unlabelled))
    Trunk(recipe.family, config, layout, videos, history[-1].skill, network.state_dict()).save(flags.output)
    print(f"Wrote {flags.output}: skill {history[-1].skill:.3f}. Start a training run from it with --trunk.")
    return EXIT_OK


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--curated", type=Path, help="directory of the curated zone")
    parser.add_argument("--recipe", default="cnn_transformer_plus", help="recipe of the network (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("checkpoints/trunk.safetensors"), help="file to write (default: %(default)s)")
    parser.add_argument("--forecast-epochs", type=int, help="passes over the windows (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and the order of windows (default: %(default)s)")
    add_machine_flags(parser)
    return parser


def _print_epoch(done: "ForecastEpoch") -> None:
    print(f"epoch={done.epoch} train_loss={done.train_loss:.4f} skill={done.skill:.4f} seconds={done.seconds:.1f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
