"""Default folders of data, models and results: in the checkout, or, for an installed package, in the working directory."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
"""The folder of the code: a checkout, or site-packages."""
WORKPLACE = REPOSITORY if (REPOSITORY / "pyproject.toml").is_file() else Path.cwd()
"""The default folder of data/, s3_mock/, checkpoints/ and results/."""
