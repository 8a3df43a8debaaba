"""The configuration of a run: a recipe, or a combination of runs."""

from typing import Any, Protocol

from recognizers.recognizer import Head, View


class Configuration(Protocol):
    """A whole configuration, with view and head of its recognizer."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def view(self) -> View:
        """View of its recognizer."""
        ...

    @property
    def head(self) -> Head:
        """Head of its recognizer."""
        ...

    def to_json_dict(self) -> dict[str, Any]:
        """Return every field as JSON holds it."""
        ...
