"""All functions that are built by code rather than by a signature and a template."""

from __future__ import annotations

from infra.local.athena.trino.functions.call_site import Special
from infra.local.athena.trino.functions.choice_functions import CHOICE_FUNCTIONS
from infra.local.athena.trino.functions.format_function import FORMAT_FUNCTIONS
from infra.local.athena.trino.functions.group_functions import GROUP_FUNCTIONS
from infra.local.athena.trino.functions.json_functions import JSON_FUNCTIONS
from infra.local.athena.trino.functions.lambda_functions import LAMBDA_FUNCTIONS
from infra.local.athena.trino.functions.moment_functions import MOMENT_FUNCTIONS
from infra.local.athena.trino.functions.number_functions import NUMBER_FUNCTIONS
from infra.local.athena.trino.functions.pattern_functions import PATTERN_FUNCTIONS

SPECIAL: dict[str, Special] = {
    **CHOICE_FUNCTIONS,
    **NUMBER_FUNCTIONS,
    **LAMBDA_FUNCTIONS,
    **MOMENT_FUNCTIONS,
    **PATTERN_FUNCTIONS,
    **FORMAT_FUNCTIONS,
    **JSON_FUNCTIONS,
    **GROUP_FUNCTIONS,
}
