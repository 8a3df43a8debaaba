"""The threat table names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_every_row_of_the_threat_table_names_a_test_that_exists():
    rows = [line for line in (ROOT / "docs" / "security.md").read_text().splitlines() if line.startswith("| ")][1:]
    source = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(rows) > 10
    for row in rows:
        named = re.findall(r"`((?:test_|tests/)[\w/.]+)`", row.rpartition("|")[0].rpartition("|")[2])
        assert named, row
        for name in named:
            assert (ROOT / name).is_file() if name.startswith("tests/") else f"def {name}(" in source, name
