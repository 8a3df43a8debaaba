"""Small networks on machines that do other work too: one thread is faster than two that wait for each other."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)
