"""Every function that this disk knows by its name, and the names of those that Trino has beside them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from infra.local.athena.trino.functions.aggregate_functions import AGGREGATES, WINDOW_FUNCTIONS
from infra.local.athena.trino.functions.collection_functions import COLLECTION_FUNCTIONS
from infra.local.athena.trino.functions.json_functions import JSON_SIGNATURES
from infra.local.athena.trino.functions.math_functions import MATH_FUNCTIONS
from infra.local.athena.trino.functions.text_functions import TEXT_FUNCTIONS
from infra.local.athena.trino.functions.time_functions import TIME_FUNCTIONS
from infra.local.athena.trino.signatures import Signature, read_signature


@dataclass(frozen=True)
class Function:
    """One form of a function: its signature, a template of DuckDB's SQL, and whether it is an aggregate or needs a window."""

    signature: Signature
    template: str
    aggregate: bool = False
    window: bool = False


ABSENT = frozenset(
    [
        "approx_most_frequent",
        "approx_set",
        "array_average",
        "array_histogram",
        "array_intersect",
        "at_timezone",
        "bar",
        "bing_tile",
        "bit_count",
        "bitwise_left_shift",
        "bitwise_right_shift",
        "bitwise_right_shift_arithmetic",
        "bitwise_xor_agg",
        "checksum",
        "color",
        "combinations",
        "contains_sequence",
        "convex_hull_agg",
        "cosine_similarity",
        "crc32",
        "current_catalog",
        "current_path",
        "current_schema",
        "current_time",
        "current_user",
        "day_name",
        "entropy",
        "extract_timezone_hour",
        "extract_timezone_minute",
        "format_datetime",
        "format_number",
        "from_base",
        "from_base32",
        "from_base64url",
        "from_big_endian_32",
        "from_big_endian_64",
        "from_geojson_geometry",
        "from_ieee754_32",
        "from_ieee754_64",
        "from_iso8601_timestamp_nanos",
        "from_unixtime_nanos",
        "great_circle_distance",
        "hmac_md5",
        "hmac_sha1",
        "hmac_sha256",
        "hmac_sha512",
        "human_readable_seconds",
        "index",
        "inverse_beta_cdf",
        "inverse_normal_cdf",
        "invoker_principal",
        "json_array_contains",
        "json_array_get",
        "kurtosis",
        "learn_classifier",
        "localtime",
        "luhn_check",
        "make_set_digest",
        "map_top_n",
        "map_union",
        "map_zip_with",
        "merge",
        "murmur3",
        "ngrams",
        "normal_cdf",
        "normalize",
        "numeric_histogram",
        "parse_data_size",
        "parse_datetime",
        "parse_duration",
        "parse_presto_data_size",
        "qdigest_agg",
        "quantile_at_value",
        "reduce_agg",
        "regexp_count",
        "regexp_position",
        "render",
        "rgb",
        "sha512",
        "shuffle",
        "skewness",
        "soundex",
        "split_to_map",
        "split_to_multimap",
        "spooky_hash_v2_32",
        "spooky_hash_v2_64",
        "st_area",
        "st_asbinary",
        "st_astext",
        "st_buffer",
        "st_centroid",
        "st_contains",
        "st_distance",
        "st_geometryfromtext",
        "st_intersects",
        "st_point",
        "st_x",
        "st_y",
        "tdigest_agg",
        "timezone_hour",
        "timezone_minute",
        "to_base32",
        "to_base64url",
        "to_big_endian_32",
        "to_big_endian_64",
        "to_geometry",
        "to_ieee754_32",
        "to_ieee754_64",
        "to_milliseconds",
        "trim_array",
        "url_decode",
        "url_encode",
        "url_extract_fragment",
        "url_extract_host",
        "url_extract_parameter",
        "url_extract_path",
        "url_extract_port",
        "url_extract_protocol",
        "url_extract_query",
        "uuid",
        "value_at_quantile",
        "value_at_quantiles",
        "version",
        "wilson_interval_lower",
        "wilson_interval_upper",
        "with_timezone",
        "word_stem",
        "xxhash64",
    ]
)
"""Functions of Athena for which DuckDB has nothing that surely means the same."""

ABSENT_FORMS = {
    "strpos": (3,),
    "split": (3,),
    "map_concat": tuple(range(3, 128)),
    "from_unixtime": (2, 3),
    "array_sort": (2,),
    "random": (2,),
    "rand": (1, 2),
    "from_utf8": (2,),
}
"""Functions that Athena also has with so many arguments, and this disk has not."""


@cache
def functions() -> dict[str, tuple[Function, ...]]:
    """Return every form of each function by its name."""
    forms: dict[str, list[Function]] = {}
    scalars = (MATH_FUNCTIONS, TEXT_FUNCTIONS, TIME_FUNCTIONS, COLLECTION_FUNCTIONS, JSON_SIGNATURES)
    for table in (*scalars, AGGREGATES, WINDOW_FUNCTIONS):
        for text, template in table.items():
            signature = read_signature(text)
            function = Function(signature, template, table is AGGREGATES, table is WINDOW_FUNCTIONS)
            forms.setdefault(signature.name, []).append(function)
    return {name: tuple(own) for name, own in forms.items()}
