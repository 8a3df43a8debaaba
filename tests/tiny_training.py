"""training/train.py with a recipe small enough for tests; also a script, for tests that kill it or start several processes of it.

python tests/tiny_training.py STEP_S KIND --curated DIR ...      each step takes STEP_S seconds at least, and is printed
"""

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from recognizers.cnn_transformer import CnnTransformerConfig
from recognizers.windowed import Windowing
from training import train
from training.fitting.loop import Trainer
from training.recipes.named import RECIPES, cnn_transformer_small
from training.recipes.network_recipe import Recipe


def tiny_recipe() -> Recipe:
    """Return a recipe of four fast epochs."""
    network = CnnTransformerConfig(width=16, dilations=(1, 2), kernel=3, layers=1, heads=2, feedforward=2)
    return replace(cnn_transformer_small(), name="tiny", network=network, windowing=Windowing(32, 16), epochs=4, batch=8)


def without_chance(recipe: Recipe) -> Recipe:
    """Return the recipe without what depends on how a batch is divided: dropout, and (in this process, from now on) batch norms."""
    torch.nn.BatchNorm1d.forward = lambda self, features: features  # type: ignore[method-assign]
    return replace(recipe, network=replace(recipe.network, dropout=0.0))


def main(step_s: float, kind: str, flags: list[str]) -> int:
    """Train slowly, on one thread, and tell of each step. `kind` is usual or exact: `without_chance`."""
    torch.set_num_threads(1)
    recipe = without_chance(tiny_recipe()) if kind == "exact" else tiny_recipe()
    RECIPES["tiny"] = lambda: recipe
    step = Trainer._step

    def slow_step(self: Trainer, batch: Any) -> Any:
        time.sleep(step_s)
        loss = step(self, batch)
        here = self.run.underway
        print(f"step {self.run.epoch} {here.batches + 1 if here else 0}", flush=True)
        return loss

    Trainer._step = slow_step  # type: ignore[method-assign]
    return train.main(flags)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2], sys.argv[3:]))
