"""Where data, models and results lie by default: in the checkout, or, for an installed package, in the working directory."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
"""Where the code lies: a checkout, or site-packages."""
WORKPLACE = REPOSITORY if (REPOSITORY / "pyproject.toml").is_file() else Path.cwd()
"""Where data/, s3_mock/, checkpoints/ and results/ lie by default."""
