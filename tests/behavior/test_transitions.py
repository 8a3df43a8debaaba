"""Transitions of one agent, counted by hand."""

import numpy as np
import pandas as pd
import pytest

from behavior.animals import agents_of
from behavior.bouts import bout_table
from behavior.observed import Observed, annotated_by_experts
from behavior.recording import Recording, Triple
from behavior.transitions import transitions

FIRST = Recording("A", 1, 10.0, 10.0, 400, 200, annotated=(Triple(1, 1, "rear"), Triple(1, 2, "sniff"), Triple(1, 3, "attack")))
SECOND = Recording("A", 2, 10.0, 10.0, 400, 200, annotated=(Triple(1, 1, "dig"), Triple(2, 2, "rear")))


@pytest.fixture
def observed() -> Observed:
    """In video 1 mouse 1 sniffs, attacks, rears, sniffs; in video 2 mouse 2 rears between two digs of mouse 1."""
    bouts = bout_table(
        [
            (1, 1, 2, "sniff", 0, 10),
            (1, 1, 3, "attack", 10, 20),
            (1, 1, 1, "rear", 30, 40),
            (1, 1, 2, "sniff", 50, 60),
            (2, 1, 1, "dig", 0, 10),
            (2, 2, 2, "rear", 20, 30),
            (2, 1, 1, "dig", 40, 50),
        ]
    )
    return annotated_by_experts([FIRST, SECOND], {1: (0, 100), 2: (0, 100)}, bouts)


def of_lab(observed: Observed, **options: object) -> dict[tuple[str, str], tuple[object, float]]:
    table = transitions(observed, agents_of([], observed), "lab", **options)
    return {
        (one, other): (count, share)
        for one, other, count, share in table[["action", "next_action", "count", "share"]].itertuples(index=False)
    }


def test_a_transition_follows_one_agent_whoever_its_target_is(observed: Observed) -> None:
    found = of_lab(observed)
    assert found["sniff", "attack"] == (1, 1.0)
    assert found["attack", "rear"] == (1, 1.0)
    assert found["rear", "sniff"] == (1, 1.0)
    assert found["dig", "dig"] == (1, 1.0), "another mouse reared between the two"


def test_what_nobody_could_see_is_null(observed: Observed) -> None:
    count, share = of_lab(observed)["dig", "rear"]
    assert pd.isna(count), "no mouse was annotated for both"
    assert np.isnan(share)
    assert of_lab(observed)["rear", "rear"] == (0, 0.0)


def test_bouts_before_the_marker_do_not_count(observed: Observed) -> None:
    found = of_lab(observed, origin_s={1: 2.0, 2: 0.0})
    assert found["sniff", "attack"][0] == 0
    assert found["rear", "sniff"][0] == 1
