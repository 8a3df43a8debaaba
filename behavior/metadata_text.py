"""Read the text of a train.csv or test.csv into the columns of the table of raw metadata."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from behavior.body_length import BODY_LENGTH, MEASURED
from behavior.contract import ContractError, Fault, refuse
from behavior.raw_tables import RAW_METADATA
from behavior.table import TEXT, in_words


def parse_metadata(data: bytes, where: str) -> pa.Table:
    """Read the bytes of a train.csv or test.csv into the columns of `RAW_METADATA`; optional columns that are missing are null.

    Raises ContractError with all faults of columns and types; `recordings_from_rows` checks the values.
    """
    text = _read_text(data, where)
    columns, faults = [], []
    for name, column in zip(text.column_names, text.columns, strict=True):
        kind = RAW_METADATA.schema.field(name).type if name in RAW_METADATA.schema.names else TEXT
        try:
            columns.append(pc.cast(pc.utf8_trim_whitespace(column), kind))
        except pa.ArrowInvalid as error:
            message = f"Expected column {name} to hold {in_words(kind)}, but got: {error}."
            faults.append(Fault("column-type", where, message, "Correct the metadata."))
            columns.append(column)
    refuse(faults)
    return _with_scale_source(RAW_METADATA.check(pa.table(columns, names=text.column_names), where))


def parse_metadata_cells(data: bytes, where: str) -> tuple[pa.Table, dict[int, dict[str, tuple[str, Fault]]]]:
    """Read the same, with null for values of a wrong type; also return their texts and faults, by row (from 1 on) and column.

    Raises ContractError for faults of the file as a whole.
    """
    text = _read_text(data, where)
    columns: list[pa.ChunkedArray] = []
    faults: dict[int, dict[str, tuple[str, Fault]]] = {}
    for name, column in zip(text.column_names, text.columns, strict=True):
        kind = RAW_METADATA.schema.field(name).type if name in RAW_METADATA.schema.names else TEXT
        trimmed = pc.utf8_trim_whitespace(column)
        try:
            columns.append(pc.cast(trimmed, kind))
        except pa.ArrowInvalid:
            values = trimmed.to_pylist()
            fits = [_holds(kind, value) for value in values]
            sound = [value if fit else None for value, fit in zip(values, fits, strict=True)]
            columns.append(pc.cast(pa.chunked_array([pa.array(sound, TEXT)]), kind))
            for number, (value, fit) in enumerate(zip(values, fits, strict=True), start=1):
                if not fit:
                    message = f"Expected column {name} to hold {in_words(kind)}, but got {value!r}."
                    fault = Fault("column-type", f"{where}, row {number}", message, "Correct the metadata.")
                    faults.setdefault(number, {})[name] = str(value), fault
    return _with_scale_source(RAW_METADATA.check(pa.table(columns, names=text.column_names), where)), faults


def _with_scale_source(rows: pa.Table) -> pa.Table:
    """Return rows of `RAW_METADATA` that say of each recording where its scale is from, also if the file does not."""
    said, column = rows.column("scale_source"), rows.schema.get_field_index("scale_source")
    unmeasured = pc.is_null(rows.column("pix_per_cm_approx"))
    # the words are made from the mask: pa.scalar loads pandas, which takes longer than everything else that an upload does with metadata
    usual = pc.replace_substring(pc.replace_substring(pc.cast(unmeasured, TEXT), "true", BODY_LENGTH), "false", MEASURED)
    source = pc.if_else(unmeasured, usual, pc.coalesce(said, usual))
    return rows.set_column(column, RAW_METADATA.schema.field(column), source)


def _holds(kind: pa.DataType, text: str | None) -> bool:
    try:
        pa.scalar(text, TEXT).cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def _read_text(data: bytes, where: str) -> pa.Table:
    """Read a CSV table with every column as text, so that no type is guessed."""
    try:
        header = pa_csv.open_csv(pa.py_buffer(data), parse_options=_CSV).schema.names
        as_text = pa_csv.ConvertOptions(column_types=dict.fromkeys(header, TEXT), strings_can_be_null=True, null_values=["", "nan", "NaN"])
        return pa_csv.read_csv(pa.py_buffer(data), parse_options=_CSV, convert_options=as_text)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        message = f"Expected a CSV table, but got: {' '.join(str(error).split())}."
        raise ContractError(Fault("file-unreadable", where, message, "Export the metadata again.")) from None


_CSV = pa_csv.ParseOptions(newlines_in_values=True)
