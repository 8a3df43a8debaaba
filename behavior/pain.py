"""The behaviors of a mouse that is filmed for its responses to pain.

Every frame has at most one. Rest is a behavior like the others, and experts write it down: a frame without a bout is unknown, it is
not rest.
"""

from collections.abc import Mapping

PAIN_BEHAVIORS = ("rest", "paw_withdraw", "paw_lick", "paw_shake", "walk", "active")
"""The behaviors that are recognized."""
CODES = ("rest", "paw_withdraw", "paw_lick", "paw_guard", "paw_shake", "flinch", "walk", "active")
"""The behaviors that experts write, by their number in annotation files."""
MERGED: Mapping[str, str] = {"paw_guard": "paw_withdraw", "flinch": "paw_withdraw"}
"""Behaviors that experts write, and the behavior that each counts as."""
