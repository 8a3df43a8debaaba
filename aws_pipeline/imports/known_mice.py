"""The mice of a recording, found by the names that other programs give them."""

import re
from collections.abc import Mapping

from behavior.recording import mouse_name

NOBODY = "none"
"""Said instead of a subject: the bouts for which a file names none."""


class KnownMice:
    """The mice of a recording, found by the names that a file gives them."""

    def __init__(self, mice: Mapping[int, str], said: Mapping[str, int]) -> None:
        """`mice` are numbers with names, empty if they have none; `said` are names of a person, which count more."""
        self.numbers = sorted(mice)
        self._names = {name.casefold(): number for number, name in mice.items() if name}
        self._names |= {mouse_name(number): number for number in self.numbers if mouse_name(number) not in self._names}
        if not any(name.isdigit() for name in mice.values()):
            self._names |= {str(number): number for number in self.numbers}
        self._names |= {name.casefold(): number for name, number in said.items()}
        self.shown = ", ".join(mice[number] or mouse_name(number) for number in self.numbers)

    def find(self, name: str) -> int | None:
        """Return the number of a mouse by its name; without a name, that of a mouse by itself, or as a person said."""
        if not name:
            return self._names.get(NOBODY, self.numbers[0] if len(self.numbers) == 1 else None)
        return self._names.get(name.strip().casefold())

    def target(self, text: str, agent: int) -> int | None:
        """Return the target that a file names, in a column or among modifiers; None if it names none."""
        for part in re.split(r"[|,]", text):
            if part.strip().casefold() == "self":
                return agent
            if part.strip() and (number := self.find(part)):
                return number
        return None
