"""The one way in which a local service says no: a code that AWS clients know, a sentence for people, and an HTTP status."""

from __future__ import annotations


class ServiceError(Exception):
    """A refused request; the server renders it as the XML or JSON error of the service that was called."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        self.code = code
        self.message = message
        self.status = status
        super().__init__(f"{code}: {message}")
