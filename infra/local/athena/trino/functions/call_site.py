"""One call of a function as the builders of special functions see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from infra.local.athena.trino import syntax
from infra.local.athena.trino.scopes import Scope
from infra.local.athena.trino.translator import Translator
from infra.local.athena.trino.values import Refusal, Value, mismatch


@dataclass(frozen=True)
class CallSite:
    """A call, where it stands, and the marks of its template (DISTINCT, ORDER BY, FILTER and OVER)."""

    translator: Translator
    node: syntax.Call
    scope: Scope
    marks: dict[str, str]

    @property
    def at(self) -> int:
        """Return where the call begins."""
        return self.node.at

    @property
    def count(self) -> int:
        """Return the number of arguments."""
        return len(self.node.arguments)

    def argument(self, position: int) -> Value:
        """Return an argument."""
        return self.translator.value(self.node.arguments[position], self.scope)

    def arguments(self) -> list[Value]:
        """Return all arguments."""
        return [self.argument(position) for position in range(self.count)]

    def literal_text(self, position: int, what: str) -> str:
        """Return an argument that must be written out as a text, because DuckDB's SQL depend on it."""
        value = self.argument(position)
        if not isinstance(value.literal, str):
            raise Refusal("NOT_SUPPORTED", value.at, f"{self.node.name} with {what} that is no literal is not on this disk")
        return value.literal

    def body(self, position: int, arguments: list[Value]) -> Value:
        """Return the body of a lambda with values in the place of its names."""
        node = self.node.arguments[position]
        if not isinstance(node, syntax.Lambda) or len(node.names) != len(arguments):
            mismatch(node.at, f"Expected a lambda that takes {len(arguments)} argument(s)")
        return self.translator.value(node.body, self.scope.inside(dict(zip(node.names, arguments, strict=True))))

    def refuse(self, expected: str) -> NoReturn:
        """Refuse the types of the arguments."""
        plain = (each for each in self.node.arguments if not isinstance(each, syntax.Lambda))
        kinds = ", ".join(str(self.translator.value(each, self.scope).kind) for each in plain)
        raise Refusal("FUNCTION_NOT_FOUND", self.at, f"Unexpected parameters ({kinds}) for function {self.node.name}. Expected: {expected}")

    def need(self, few: int, many: int, expected: str) -> None:
        """Refuse too few or too many arguments."""
        if not few <= self.count <= many:
            self.refuse(expected)


Special = Callable[[CallSite], Value | None]
"""What builds a call; None leaves it to the signatures of the same name."""
