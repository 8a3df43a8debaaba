"""What stands where a recipe does in a run's description: a recipe, or a combination of runs."""

from typing import Any, Protocol

from recognizers.recognizer import Head, View


class Described(Protocol):
    """A whole configuration with what its recognizer is."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def view(self) -> View:
        """What its recognizer sees."""
        ...

    @property
    def head(self) -> Head:
        """How its recognizer answers."""
        ...

    def to_json_dict(self) -> dict[str, Any]:
        """Return every field as JSON holds it."""
        ...
