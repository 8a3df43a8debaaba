"""Small networks on machines that do other work too: one thread is faster than two that wait for each other."""

import pytest
import torch
from simulated_lake import Lake, build_lake


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Videos 101 to 104 of 10 s, annotated sniffing, mounting and attacks."""
    return build_lake(tmp_path_factory.mktemp("lake"), {"CalMS21_task2": 4}, seconds=10)
