"""A lake to ask, and an engine for values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from athena_lake import Answers, Lake, make_lake


@pytest.fixture
def lake(endpoint: Any) -> Lake:
    return make_lake(endpoint)


@pytest.fixture(scope="session")
def athena() -> Iterator[Answers]:
    answers = Answers()
    yield answers
    answers.connection.close()
