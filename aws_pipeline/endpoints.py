"""Which endpoint and region the environment means, near (the stand-in) and far (AWS), and which of its settings contradict that."""

import re
from collections.abc import Mapping

from behavior.contract import UsageError

_LOOPBACK = re.compile(r"https?://(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d{1,5})?/?", re.IGNORECASE)


def far_region(environment: Mapping[str, str]) -> str:
    """Return the region that the AWS configuration names; a guess would put data where nobody looks for it. Raises UsageError for none."""
    region = environment.get("AWS_DEFAULT_REGION") or environment.get("AWS_REGION") or _configured("region")
    if not region:
        raise UsageError("Expected a region of AWS, but got none. Set AWS_DEFAULT_REGION, or run: aws configure")
    return region


def near_endpoint(environment: Mapping[str, str]) -> str | None:
    """Return AWS_ENDPOINT_URL, a stand-in that runs already. Raises UsageError for an endpoint beyond this machine."""
    url = environment.get("AWS_ENDPOINT_URL")
    if url and not _LOOPBACK.fullmatch(url):
        mend = "Unset it, or set USE_LOCAL_FS=false if you mean AWS."
        raise UsageError(f"Expected AWS_ENDPOINT_URL to name a stand-in on this machine, but got {url}. {mend}")
    return url or None


def far_endpoint(environment: Mapping[str, str]) -> str | None:
    """Return AWS_ENDPOINT_URL if it is wanted. Raises UsageError for an endpoint that nobody asked for, such as that of a stand-in."""
    found = {name: url for name, url in environment.items() if name.startswith("AWS_ENDPOINT_URL") and url}
    if configured := _configured("endpoint_url") or _configured("services"):
        found["endpoint_url in the AWS configuration"] = configured
    if environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return None
    if found and not truth("USE_ENDPOINT_URL", environment.get("USE_ENDPOINT_URL", "false")):
        what = ", ".join(f"{name}={url}" for name, url in sorted(found.items()))
        raise UsageError(
            f"Expected no endpoint of your own with USE_LOCAL_FS=false, but got {what}. Unset it, or set USE_ENDPOINT_URL=true to use it."
        )
    return environment.get("AWS_ENDPOINT_URL") or None


def _configured(name: str) -> str | None:
    """Return a setting of the user's AWS profile."""
    from botocore.exceptions import ProfileNotFound
    from botocore.session import Session

    try:
        value = Session().get_scoped_config().get(name)
    except ProfileNotFound as error:
        raise UsageError(f"Expected AWS_PROFILE to name a profile, but got: {error}. Unset it, or run: aws configure") from None
    return str(value) if value else None


def truth(name: str, text: str) -> bool:
    """Read a variable that is true or false. Raises UsageError for any other text."""
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.strip().lower() not in words:
        raise UsageError(f"Expected {name} to be true or false, but got {text!r}. Set it to one of them.")
    return words[text.strip().lower()]
