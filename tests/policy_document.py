"""Policy documents of tests."""

import json
from typing import Any


def document(*statements: dict[str, Any]) -> str:
    """A policy of these statements, as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
