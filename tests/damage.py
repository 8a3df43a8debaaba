"""Damage to files as disks, networks and editors do it, and what a reader must do with them: read, or refuse in one line."""

import random
import warnings
from collections.abc import Callable

from behavior.contract import ContractError, UsageError

Read = Callable[[bytes], object]


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Cut the end off, change, repeat or blank some bytes, or several of these; mostly near the beginning, where headers are."""
    changed = bytearray(content)
    if chance.random() < 0.4:
        del changed[chance.randrange(1, len(changed)) :]
    for _ in range(chance.choice([0, 1, 3, 30])):
        at = int(len(changed) * chance.random() ** 3)
        changed[at] = chance.randrange(256)
    if chance.random() < 0.3:
        start = chance.randrange(len(changed))
        part = changed[start : start + chance.choice([1, 16, 512])]
        changed[start : start + len(part)] = chance.choice([bytes(len(part)), bytes(part * 2), b""])
    return bytes(changed)


def survives(read: Read, content: bytes, seed: int | str, times: int) -> int:
    """Let `read` have damaged copies of a file; return how many it refused. Raises AssertionError for what is no clear refusal."""
    chance, refused = random.Random(seed), 0
    for number in range(times):
        told = _told(read, damaged(content, chance))
        assert all("Expected" in line and "\n" not in line for line in told), (seed, number, told)
        refused += bool(told)
    return refused


def _told(read: Read, content: bytes) -> list[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(content)
    except ContractError as error:
        return list(map(str, error.faults))
    except UsageError as error:
        return str(error).splitlines()
    return []
