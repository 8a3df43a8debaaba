"""Names, places and credentials of the pipeline, from the environment. Only this file distinguishes AWS from the stand-in on this disk.

Near (the default), a stand-in for AWS with its objects in `s3_mock/` runs as a child process; clients reach it through
AWS_ENDPOINT_URL, like AWS itself, whatever else the environment says. Far (USE_LOCAL_FS=false), AWS is used, with the usual credentials
and the region of the AWS configuration; an endpoint in the environment is refused, unless USE_ENDPOINT_URL=true asks for it.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from aws_pipeline.connections import forget_connections
from aws_pipeline.endpoints import far_endpoint, far_region, near_endpoint, truth
from aws_pipeline.names import Names, check_prefix
from behavior.contract import UsageError
from behavior.policy import parse_policy
from behavior.workplace import REPOSITORY, WORKPLACE

NEAR_REGION = "us-east-1"
"""The one region of the stand-in."""
_NOBODY = "/dev/null" if os.name == "posix" else "NUL"
_NEAR = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": NEAR_REGION,
    "AWS_REGION": NEAR_REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": _NOBODY,  # it can name endpoints, and also that endpoints are ignored
    "AWS_SHARED_CREDENTIALS_FILE": _NOBODY,
}
_LEAD_ELSEWHERE = (
    "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
)  # fmt: skip
"""Variables with which clients would not use the stand-in; variables such as AWS_ENDPOINT_URL_S3 have the same effect."""
_SDK_SETTINGS = {
    "SAGEMAKER_USER_CONFIG_OVERRIDE": str(Path(__file__).with_name("sagemaker_defaults.yaml")),
    # The SDK wants a role that may also change networks (nine actions of EC2), which a job without a network of its own never does.
    "SAGEMAKER_VALIDATE_ROLE": "false",
}


@dataclass(frozen=True)
class Settings:
    """Places and names of a run."""

    local: bool
    """True: the stand-in on this disk. False: AWS."""
    data_dir: Path
    """Raw recordings: train.csv, train_tracking/, train_annotation/, ..."""
    mock_dir: Path
    """Folder of the stand-in's objects."""
    region: str
    """AWS region."""
    prefix: str = ""
    """Prefix of every name, because names of buckets must be unique in all of AWS; empty only near."""
    policy: Path | None = None
    """File with a policy (behavior/policy.py); without one, the severities of the contract are used."""
    endpoint_url: str | None = None
    """AWS_ENDPOINT_URL at the time of reading: a stand-in that runs already."""

    @property
    def place(self) -> str:
        """Where objects really are, for messages with an s3:// address."""
        if self.endpoint_url:
            return f"at {self.endpoint_url}"
        return f"in {self.mock_dir}" if self.local else "on AWS"

    @property
    def names(self) -> Names:
        """Names of the deployment."""
        return Names(self.prefix, self.region)

    @property
    def database(self) -> str:
        """Glue database."""
        return self.names.database

    @property
    def workgroup(self) -> str:
        """Athena workgroup."""
        return self.names.deployment

    @property
    def glue_job(self) -> str:
        """Glue job that curates."""
        return self.names.of("curate")

    @property
    def glue_role(self) -> str:
        """Role of the Glue job."""
        return self.names.of("glue")

    @property
    def training_role(self) -> str:
        """Role of training jobs."""
        return self.names.of("training")

    def bucket(self, zone: str) -> str:
        """Return the bucket of a zone: raw, curated, athena (query results) or artifacts (code and models)."""
        return self.names.bucket(zone)

    def uri(self, zone: str, key: str = "") -> str:
        """Return the s3:// address of a zone, or of a key in it."""
        return f"s3://{self.bucket(zone)}/{key}".rstrip("/")


def settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings. Raises UsageError for invalid values."""
    local = truth("USE_LOCAL_FS", environment.get("USE_LOCAL_FS", "true"))
    prefix = environment.get("S3_BUCKET", "")
    if not local and not prefix:
        raise UsageError(
            "Expected S3_BUCKET to be set when USE_LOCAL_FS=false, but got nothing. Set it to a name that all buckets shall begin with."
        )
    region = NEAR_REGION if local else far_region(environment)
    if prefix:
        check_prefix(prefix, region)
    return Settings(
        local=local,
        data_dir=Path(environment.get("MABE_DATA_DIR") or WORKPLACE / "data").resolve(),
        mock_dir=Path(environment.get("S3_MOCK_DIR") or WORKPLACE / "s3_mock").resolve(),
        region=region,
        prefix=prefix,
        policy=Path(environment["MABE_POLICY"]).resolve() if environment.get("MABE_POLICY") else None,
        endpoint_url=near_endpoint(environment) if local else far_endpoint(environment),
    )


def java_home(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the folder of the Java that the user names, if any."""
    return environment.get("JAVA_HOME")


def environment_on_a_new_disk(mock_dir: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of a child process that uses the stand-in on another disk, whatever the user's own settings are."""
    hidden = ("AWS_", "S3_", "MABE_", "USE_LOCAL")
    plain = {name: value for name, value in environment.items() if not name.startswith(hidden)}
    return {**plain, "S3_MOCK_DIR": str(mock_dir)}


def add_policy_flag(parser: argparse.ArgumentParser) -> None:
    """Add --policy, which goes before MABE_POLICY."""
    parser.add_argument("--policy", type=Path, help="TOML file with a policy (default: MABE_POLICY, else the severities of the contract)")


def with_policy(chosen: Settings, policy: Path | None) -> Settings:
    """Return the settings with the policy of --policy, if it was given."""
    return replace(chosen, policy=policy.resolve()) if policy else chosen


def policy_text(chosen: Settings) -> str:
    """Return the text of the policy after a check; an empty text if there is none. Raises UsageError."""
    if chosen.policy is None:
        return ""
    try:
        text = chosen.policy.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"Expected a policy in {chosen.policy}, but got: {error}. Correct --policy or MABE_POLICY.") from None
    parse_policy(text, str(chosen.policy))
    return text


@contextmanager
def endpoint(chosen: Settings) -> Iterator[None]:
    """Make AWS reachable while the context lasts.

    On this disk a stand-in is started as a child process, unless AWS_ENDPOINT_URL names one that runs already.
    """
    forget_connections()
    try:
        with _reachable(chosen):
            yield
    finally:
        forget_connections()


@contextmanager
def _reachable(chosen: Settings) -> Iterator[None]:
    sdk = {name: value for name, value in _SDK_SETTINGS.items() if name not in os.environ}
    if not chosen.local:
        with _environment({"AWS_DEFAULT_REGION": chosen.region, **sdk}):
            yield
        return
    elsewhere = {name: None for name in os.environ if name in _LEAD_ELSEWHERE or name.startswith("AWS_ENDPOINT_URL_")}
    with _environment({**_NEAR, **sdk, **_around_proxies(), **elsewhere}):
        if os.environ.get("AWS_ENDPOINT_URL"):
            yield
            return
        command = [sys.executable, "-m", "infra.local", "serve", "--root", str(chosen.mock_dir), "--port", "0", "--with-parent"]
        with subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        ) as child:
            try:
                with _environment({"AWS_ENDPOINT_URL": _address(child, chosen.mock_dir)}):
                    yield
            finally:
                child.terminate()


def _around_proxies() -> dict[str, str]:
    """Return the variables with which a proxy is not asked for addresses of this machine; clients read one of the two names."""
    listed = [host for name in ("no_proxy", "NO_PROXY") for host in os.environ.get(name, "").split(",") if host.strip()]
    around = ",".join(dict.fromkeys([*listed, "127.0.0.1", "localhost"]))
    return {"no_proxy": around, "NO_PROXY": around}


def _address(child: subprocess.Popen[str], mock_dir: Path) -> str:
    """Wait for the stand-in's line of JSON and return its address. Raises UsageError with the reason if it does not start."""
    line = child.stdout.readline() if child.stdout else ""
    if not line:
        raise UsageError(f"Expected AWS on this disk to start in {mock_dir}, but got the error above. Correct it and try again.")
    answer = json.loads(line)
    if "error" in answer:
        raise UsageError(answer["error"])
    return str(answer["endpoint"])


@contextmanager
def _environment(values: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables while the context lasts, or remove those without a value. Sessions and child processes read them."""
    before = {name: os.environ.get(name) for name in values}
    try:
        _set(values)
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
