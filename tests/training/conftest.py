"""A lake of two labs, curated, and a recipe small enough for tests."""

import pytest
import torch
from simulated_lake import Lake, build_lake
from tiny_training import tiny_recipe

from training.recipes.network_recipe import Recipe


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """CalMS21_task2 (30 frames a second, 101 to 104) and JovialSwallow (10 frames a second, 105 to 107), 20 s each."""
    return build_lake(tmp_path_factory.mktemp("lake"), {"CalMS21_task2": 4, "JovialSwallow": 3}, seconds=20)


@pytest.fixture
def tiny() -> Recipe:
    """A recipe of four fast epochs."""
    return tiny_recipe()
