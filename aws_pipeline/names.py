"""Names of a deployment: every name holds its prefix and its region, so that no deployment meets the resources of another one."""

import re
from dataclasses import dataclass

from behavior.contract import UsageError

ZONES = {"raw": "raw-zone", "curated": "curated-zone", "athena": "athena-results", "artifacts": "artifacts"}
"""Zone -> end of the name of its bucket."""
OWNER_TAG = "mabe:deployment"
"""Tag that says to which deployment a resource belongs."""
_PREFIX = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_RESERVED = ("xn--", "sthree-", "amzn-s3-demo-")
_MOST_BUCKET, _MOST_JOB_PREFIX = 63, 20
"""Most characters of the name of a bucket (a rule of S3), and of the beginning of the name of a job."""


@dataclass(frozen=True)
class Names:
    """Names in one region. Without a prefix (only near, where there is one deployment) they are short."""

    prefix: str
    region: str

    @property
    def deployment(self) -> str:
        """Return the name of the whole deployment, the value of its tag."""
        return f"{self.prefix}-{self.region}" if self.prefix else "mabe"

    @property
    def job_prefix(self) -> str:
        """Return how names of SageMaker's jobs begin: the prefix, cut, because 63 characters must hold the recipe as well."""
        return (self.prefix or self.deployment)[:_MOST_JOB_PREFIX].rstrip("-")

    @property
    def database(self) -> str:
        """Return the Glue database; SQL would need quotes for a name with hyphens."""
        return self.deployment.replace("-", "_")

    def bucket(self, zone: str) -> str:
        """Return the bucket of a zone."""
        return f"{self.deployment}-{ZONES[zone]}" if self.prefix else ZONES[zone]

    def of(self, what: str) -> str:
        """Return the name of something else, such as a role, a job or a stack."""
        return f"{self.deployment}-{what}"


def check_prefix(prefix: str, region: str) -> None:
    """Raise UsageError for a prefix with which S3 or CloudFormation would refuse a name."""
    names = Names(prefix, region)
    most = _MOST_BUCKET - max(len(names.bucket(zone)) - len(prefix) for zone in ZONES)
    if not _PREFIX.fullmatch(prefix) or prefix.startswith(_RESERVED) or len(prefix) > most:
        what = f"at most {most} lower-case letters, digits and single hyphens, the first a letter"
        raise UsageError(f"Expected S3_BUCKET to be {what} (a rule of S3), but got {prefix!r}. Choose another prefix.")
