"""What a GPU makes of the full-size recipes: training steps and inference in bf16 with torch.compile, as a fraction of its peak.

    python tests/benchmarks/gpu.py [--recipes cnn_transformer cnn_transformer_plus] [--batch 256] [--steps 30] [--frames 36000000]

Training: steps of the training loop over windows gathered on the GPU. Inference: all windows of recordings that together hold as many
frames as the MABe data, from features in its memory to scores, without decoding. Floating-point operations are counted by
torch.utils.flop_counter in one uncompiled step: multiplications of matrices, convolutions and attention, nothing else. Peaks are the
makers' figures for dense bf16 (fp16 on a T4). Data and weights are random: they do not change the time.
Without a GPU it says so and ends with 0.

Axes: M samples, F columns, C behaviors, W window samples.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

if TYPE_CHECKING:
    import torch

    from training.fitting.loop import Trainer
    from training.material.datasets import StreamDataset
    from training.recipes.network_recipe import Recipe

PEAK_TFLOPS = {"H200": 989.0, "H100 PCIe": 756.0, "H100": 989.0, "A100": 312.0, "A10G": 70.0, "T4": 65.0}
"""Dense 16-bit peak by a part of the device's name, the longer name first, 10^12 operations a second."""
MABE_FRAMES = 36_000_000
BODYPARTS = ("body_center", "ear_left", "ear_right", "lateral_left", "lateral_right", "neck", "nose", "tail_base")
BEHAVIORS = 37
RECORDING_FRAMES = 18_000
"""Ten minutes at 30 frames a second."""


@dataclass(frozen=True)
class Speed:
    """What one phase reached."""

    windows_per_s: float
    tflops: float
    """Counted operations a second, 10^12."""

    def line(self, name: str, peak: float | None) -> str:
        """Return the words of one phase."""
        share = "peak of this device not known" if peak is None else f"{100 * self.tflops / peak:.1f} % of {peak:g}"
        return f"  {name}: {self.windows_per_s:,.0f} windows/s, {self.tflops:.2f} TFLOP/s, {share}"


def peak_tflops(device_name: str) -> float | None:
    """Return the peak of a device by its name; None for one that is not in the table."""
    return next((peak for name, peak in PEAK_TFLOPS.items() if set(name.split()) <= set(device_name.replace("-", " ").split())), None)


def make_dataset(recipe: "Recipe", frames: int) -> "tuple[StreamDataset, Any]":
    """Return random features of so many frames in recordings of ten minutes, and the settings that name their columns."""
    import torch

    from behavior.labelling import Subject
    from behavior.recording import Recording
    from recognizers.families import network_family
    from training.material.datasets import Stream, StreamDataset

    settings = network_family(recipe.family).features_for(recipe.network, BODYPARTS, recipe.fps)
    lengths = [RECORDING_FRAMES] * (frames // RECORDING_FRAMES) + ([frames % RECORDING_FRAMES] if frames % RECORDING_FRAMES else [])
    recordings = [Recording("Random", number, recipe.fps, 10.0, 400, 200) for number in range(len(lengths))]
    streams = tuple(
        Stream(recording, Subject(1, 2), length, number * RECORDING_FRAMES, length)
        for number, (recording, length) in enumerate(zip(recordings, lengths, strict=True))
    )
    features = torch.empty(frames, len(settings.names), dtype=torch.float16)
    for start in range(0, frames, 1_000_000):  # in float32 all at once would be twice the memory
        features[start : start + 1_000_000] = 0.1 * torch.randn(min(1_000_000, frames - start), len(settings.names))
    labels = torch.zeros(frames, BEHAVIORS, dtype=torch.bool)
    labels[::50] = True
    context = torch.cat([torch.ones(len(streams), 1), torch.ones(len(streams), BEHAVIORS)], 1)
    annotated = torch.ones(len(streams), BEHAVIORS, dtype=torch.bool)
    return StreamDataset(streams, features, labels, annotated, context, recipe.windowing), settings


def make_trainer(recipe: "Recipe", dataset: "StreamDataset", settings: Any, device: "torch.device", compiled: bool) -> "Trainer":
    """Return the training loop over a fresh network."""
    from recognizers.families import network_family
    from training.fitting.loop import Trainer

    config = recipe.to_json_dict()["network"]
    _, network = network_family(recipe.family).build(config, len(settings.names), BEHAVIORS)
    return Trainer(network, dataset, recipe, 0, device, recipe.augmentation.of(settings), compiled)


def counted(work: Callable[[], Any]) -> int:
    """Return the floating-point operations of a piece of work."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def train_speed(trainer: "Trainer", steps: int, flops_per_window: float, warmup: int = 5) -> Speed:
    """Return the speed of training steps, gathering and augmenting counted in."""
    import numpy as np

    windows, started = 0, 0.0
    for step, batch in enumerate(islice(trainer.train.batches(trainer.recipe.batch, np.random.default_rng(0)), warmup + steps)):
        if step == warmup:
            _wait(trainer.device)
            windows, started = 0, time.perf_counter()
        trainer._step(trainer.augment(batch))
        windows += len(batch.features)
    _wait(trainer.device)
    rate = windows / (time.perf_counter() - started)
    return Speed(rate, rate * flops_per_window / 1e12)


def infer_speed(trainer: "Trainer", batch: int, flops_per_window: float) -> tuple[Speed, float]:
    """Return the speed over all windows of the dataset in order, and their seconds; scores stay on the device.

    The last batch, if it is not full, is left out: compiled code would be compiled anew for it.
    """
    import torch

    from recognizers.torch_windows import autocast
    from training.material.datasets import StreamDataset

    windowing, train = trainer.recipe.windowing, trainer.train
    assert isinstance(train, StreamDataset)
    trainer.network.eval()

    def score(places: "Iterable[tuple[Any, Any]]") -> int:
        done = 0
        for starts, owners in places:
            cut = train._batch(starts, owners, windowing.window)
            with torch.inference_mode(), autocast(trainer.device):
                torch.sigmoid(trainer.answers(cut.features, cut.valid, cut.context))
            done += len(starts)
        return done

    batches = _ordered_places(train, windowing, batch)
    score(batches[:3])
    _wait(trainer.device)
    started = time.perf_counter()
    done = score(batches)
    _wait(trainer.device)
    seconds = time.perf_counter() - started
    return Speed(done / seconds, done / seconds * flops_per_window / 1e12), seconds


def _ordered_places(dataset: "StreamDataset", windowing: Any, batch: int) -> list[tuple[Any, Any]]:
    import numpy as np

    from behavior.views.windows import window_starts

    starts = [window_starts(stream.samples, windowing.window, windowing.step) for stream in dataset.streams]
    owners = np.repeat(np.arange(len(starts)), [len(one) for one in starts])
    flat = np.concatenate(starts)
    return [(flat[first : first + batch], owners[first : first + batch]) for first in range(0, len(flat) - batch + 1, batch)]


def measure(recipe: "Recipe", arguments: argparse.Namespace, device: "torch.device", peak: float | None) -> None:
    """Measure one recipe and print."""
    import numpy as np
    import torch

    dataset, settings = make_dataset(recipe, arguments.frames)
    plain = make_trainer(recipe, dataset, settings, device, compiled=False)
    batch = next(plain.train.batches(recipe.batch, np.random.default_rng(0)))
    step_flops = counted(lambda: plain._step(batch)) / len(batch.features)
    with torch.no_grad():
        forward_flops = counted(lambda: plain.network.eval()(batch.features, batch.valid, batch.context)) / len(batch.features)
    weights = sum(value.numel() for value in plain.network.parameters())
    print(f"{recipe.name}: {weights:,} weights, batches of {recipe.batch}, {step_flops / 1e9:.2f} GFLOP a window and step")
    for compiled in (False, True):
        trainer = make_trainer(recipe, dataset, settings, device, compiled)
        name = "compiled" if compiled else "eager"
        print(train_speed(trainer, arguments.steps, step_flops).line(f"training, {name}", peak))
        speed, seconds = infer_speed(trainer, 4 * recipe.batch, forward_flops)
        print(speed.line(f"inference, {name}", peak) + f"; {arguments.frames:,} frames in {seconds:.1f} s")
        del trainer


def _wait(device: "torch.device") -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> int:
    """Parse the command line, measure and print; say so if there is no GPU."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    recipes = ("cnn_transformer", "cnn_transformer_plus")
    parser.add_argument("--recipes", nargs="+", default=recipes, help=f"default: {' '.join(recipes)}")
    parser.add_argument("--batch", type=int, default=256, help="windows a training step (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=30, help="training steps measured (default: %(default)s)")
    parser.add_argument("--frames", type=int, default=MABE_FRAMES, help="of all recordings (default: %(default)s, as MABe)")
    arguments = parser.parse_args()
    from dataclasses import replace

    import torch

    from training.recipes.named import RECIPES
    from training.recipes.network_recipe import Recipe

    if not torch.cuda.is_available():
        print("gpu: no GPU here, so nothing is measured")
        return 0
    device, name = torch.device("cuda"), torch.cuda.get_device_name()
    torch.backends.cuda.matmul.allow_tf32 = True
    print(f"gpu: {name}, torch {torch.__version__}")
    for name_of_recipe in arguments.recipes:
        recipe = RECIPES[name_of_recipe]()
        assert isinstance(recipe, Recipe)
        measure(replace(recipe, batch=arguments.batch), arguments, device, peak_tflops(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
