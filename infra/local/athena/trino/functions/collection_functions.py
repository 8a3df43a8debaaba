"""Functions of arrays and maps: signature -> DuckDB's SQL. Trino keeps NULL elements and their order where DuckDB drops them."""

from __future__ import annotations

from infra.local.athena.trino.values import failure, failure_of_result


def _anywhere(condition: str, array: str = "{0}") -> str:
    """Say whether a condition on `item` holds for any element."""
    return f"(len(list_filter({array}, lambda item: {condition})) > 0)"


def _distinct(array: str) -> str:
    return f"list_filter({array}, lambda item, place: list_position({array}, item) = place)"


_ANY_NULL = _anywhere("item IS NULL")
_OVERLAP = "(len(list_intersect(list_filter({0}, lambda item: item IS NOT NULL), list_filter({1}, lambda item: item IS NOT NULL))) > 0)"
_UNLESS_NULL = "CASE WHEN {0} IS NULL OR {1} IS NULL THEN NULL "
_SLICE_FAULT = failure_of_result("'INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1, and a length is not negative'")
_ELEMENT_FAULT = failure_of_result("'INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1'")
_STEP_FAULT = failure(
    "'INVALID_FUNCTION_ARGUMENT: sequence stop value should be greater than or equal to start value if step is greater than zero "
    "otherwise stop should be less than start, and step is not zero'"
)
_LONG_FAULT = failure("'INVALID_FUNCTION_ARGUMENT: result of sequence function must not have more than 10000 entries'")
_REPEAT_FAULT = failure_of_result("'INVALID_FUNCTION_ARGUMENT: count argument of repeat function must be from 0 to 10000'")
_NAN_FAULT = failure_of_result("'NOT_SUPPORTED: array_max and array_min of NaN are not on this disk'")  # versions differ
_MOST = 10_000
_STEPS = "CASE WHEN {0} <= {1} THEN 1 ELSE -1 END"
_STEPWISE = (
    "CASE WHEN {step} = 0 OR ({1} - {0}) * sign({step}) < 0 THEN [" + _STEP_FAULT + "] "
    f"WHEN ({{1}} - {{0}}) // {{step}} >= {_MOST} THEN [" + _LONG_FAULT + "] ELSE generate_series({0}, {1}, {step}) END"
)
_TRUTHS = "list_transform({0}, {1})"

COLLECTION_FUNCTIONS = {
    "cardinality(array(T)) -> bigint": "len({0})",
    "cardinality(map(K, V)) -> bigint": "CAST(cardinality({0}) AS BIGINT)",
    "contains(array(T), T) -> boolean": (
        _UNLESS_NULL + f"WHEN list_contains({{0}}, {{1}}) THEN true WHEN {_ANY_NULL} THEN NULL ELSE false END"
    ),
    "array_position(array(T), T) -> bigint": _UNLESS_NULL + "ELSE coalesce(list_position({0}, {1}), 0) END",
    "array_distinct(array(T)) -> array(T)": _distinct("{0}"),
    "array_union(array(T), array(T)) -> array(T)": _UNLESS_NULL + f"ELSE {_distinct('list_concat({0}, {1})')} END",
    "array_except(array(T), array(T)) -> array(T)": (
        _UNLESS_NULL + f"ELSE list_filter({_distinct('{0}')}, lambda item: list_position({{1}}, item) IS NULL) END"
    ),
    "arrays_overlap(array(T), array(T)) -> boolean": (
        _UNLESS_NULL + f"WHEN {_OVERLAP} THEN true WHEN {_ANY_NULL} OR {_anywhere('item IS NULL', '{1}')} THEN NULL ELSE false END"
    ),
    "array_remove(array(T), T) -> array(T)": _UNLESS_NULL + "ELSE list_filter({0}, lambda item: item IS NULL OR item <> {1}) END",
    **{
        f"array_{name}(array({kind})) -> {kind}": (
            f"CASE WHEN {_ANY_NULL} THEN NULL WHEN {_anywhere('isnan(item)')} THEN {_NAN_FAULT} ELSE list_{name}({{0}}) END"
        )
        for name in ("max", "min")
        for kind in ("double", "real")
    },
    "array_max(array(O)) -> O": f"CASE WHEN {_ANY_NULL} THEN NULL ELSE list_max({{0}}) END",
    "array_min(array(O)) -> O": f"CASE WHEN {_ANY_NULL} THEN NULL ELSE list_min({{0}}) END",
    "array_sort(array(O)) -> array(O)": "list_sort({0}, 'ASC', 'NULLS LAST')",
    "slice(array(T), bigint, bigint) -> array(T)": (
        "CASE WHEN {1} = 0 OR {2} < 0 THEN " + _SLICE_FAULT + " "
        "WHEN {1} < 0 AND -{1} > len({0}) THEN list_slice({0}, 1, 0) "
        "WHEN {1} < 0 THEN list_slice({0}, len({0}) + {1} + 1, len({0}) + {1} + {2}) "
        "ELSE list_slice({0}, {1}, {1} + {2} - 1) END"
    ),
    "repeat(T, integer) -> array(T)": (
        f"CASE WHEN {{1}} < 0 OR {{1}} > {_MOST} THEN {_REPEAT_FAULT} "
        "ELSE list_transform(generate_series(1, {1}), lambda place: {0}) END"
    ),
    "reverse(array(T)) -> array(T)": "list_reverse({0})",
    "flatten(array(array(T))) -> array(T)": "flatten({0})",
    "element_at(array(T), bigint) -> T": ("CASE WHEN {1} = 0 THEN " + _ELEMENT_FAULT + " ELSE list_extract({0}, {1}) END"),
    "element_at(map(K, V), K) -> V": "{0}[{1}]",
    "sequence(bigint, bigint) -> array(bigint)": _STEPWISE.replace("{step}", f"({_STEPS})"),
    "sequence(bigint, bigint, bigint) -> array(bigint)": _STEPWISE.replace("{step}", "{2}"),
    "transform(array(T), function(T, R)) -> array(R)": "list_transform({0}, {1})",
    "filter(array(T), function(T, boolean)) -> array(T)": "list_filter({0}, {1})",
    "any_match(array(T), function(T, boolean)) -> boolean": (
        f"CASE WHEN {{0}} IS NULL THEN NULL WHEN {_anywhere('item', _TRUTHS)} THEN true "
        f"WHEN {_anywhere('item IS NULL', _TRUTHS)} THEN NULL ELSE false END"
    ),
    "all_match(array(T), function(T, boolean)) -> boolean": (
        f"CASE WHEN {{0}} IS NULL THEN NULL WHEN {_anywhere('NOT item', _TRUTHS)} THEN false "
        f"WHEN {_anywhere('item IS NULL', _TRUTHS)} THEN NULL ELSE true END"
    ),
    "none_match(array(T), function(T, boolean)) -> boolean": (
        f"CASE WHEN {{0}} IS NULL THEN NULL WHEN {_anywhere('item', _TRUTHS)} THEN false "
        f"WHEN {_anywhere('item IS NULL', _TRUTHS)} THEN NULL ELSE true END"
    ),
    "map() -> map(U, U)": "map(CAST([] AS INTEGER[]), CAST([] AS INTEGER[]))",
    "map(array(K), array(V)) -> map(K, V)": "map({0}, {1})",
    "map_keys(map(K, V)) -> array(K)": "map_keys({0})",
    "map_values(map(K, V)) -> array(V)": "map_values({0})",
    "map_entries(map(K, V)) -> array(row(K, V))": (
        "list_transform(map_entries({0}), lambda item: struct_pack(field0 := item.key, field1 := item.value))"
    ),
    "map_concat(map(K, V), map(K, V)) -> map(K, V)": _UNLESS_NULL + "ELSE map_concat({0}, {1}) END",
}
