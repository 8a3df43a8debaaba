"""Tables of text files are read as Hive reads them: LazySimpleSerDe and OpenCSVSerde, with their defaults and their options."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from athena_lake import Lake

LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"


@pytest.fixture
def table(lake: Lake) -> Any:
    """Make a table of columns over one file in the catalog, and return the rows that Athena reads of it."""

    def make(
        content: bytes,
        columns: dict[str, str],
        serde: str = LAZY,
        name: str = "part.txt",
        more: dict[str, str] | None = None,
        **options: str,
    ) -> list[list[str | None]]:
        folder = lake.endpoint.root / "curated-zone" / "texts"
        folder.mkdir(exist_ok=True)
        for file in folder.iterdir():
            file.unlink()
        (folder / name).write_bytes(content)
        if any(known["Name"] == "texts" for known in lake.glue.get_tables(DatabaseName="mabe")["TableList"]):
            lake.glue.delete_table(DatabaseName="mabe", Name="texts")
        storage = {
            "Columns": [{"Name": column, "Type": kind} for column, kind in columns.items()],
            "Location": "s3://curated-zone/texts/",
            "SerdeInfo": {"SerializationLibrary": serde, "Parameters": options},
        }
        record = {"Name": "texts", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage, "Parameters": more or {}}
        lake.glue.create_table(DatabaseName="mabe", TableInput=record)
        return lake.rows("SELECT * FROM texts")[1:]

    return make


def test_without_a_delimiter_fields_end_at_hives_own(table: Any) -> None:
    columns = {"lab": "string", "videos": "int"}

    assert table(b"CRIM13\x0112\nRat, Pairs\x013\n", columns) == [["CRIM13", "12"], ["Rat, Pairs", "3"]]


def test_quotes_are_plain_characters_to_hive(table: Any) -> None:
    assert table(b'"a,b",c\n', {"x": "string", "y": "string"}, **{"field.delim": ","}) == [['"a', 'b"']]


def test_a_delimiter_may_be_given_by_its_code(table: Any) -> None:
    assert table(b"a|b\n", {"x": "string", "y": "string"}, **{"field.delim": "124"}) == [["a", "b"]]
    assert table(b"a,b\n", {"x": "string", "y": "string"}, **{"serialization.format": ","}) == [["a", "b"]]
    assert table(b"a\x01b\n", {"x": "string", "y": "string"}, **{"serialization.format": "1"}) == [["a", "b"]]


def test_null_is_a_mark_of_its_own_and_an_empty_field_is_an_empty_text(table: Any) -> None:
    columns = {"x": "string", "y": "string", "n": "int"}

    assert table(b"\\N,,\n", columns, **{"field.delim": ","}) == [[None, "", None]]
    assert table(b"NA,\\N,NA\n", columns, **{"field.delim": ",", "serialization.null.format": "NA"}) == [[None, "\\N", None]]


def test_short_lines_end_in_null_and_long_ones_are_cut(table: Any) -> None:
    assert table(b"a\nb,c,d\n", {"x": "string", "y": "string"}, **{"field.delim": ","}) == [["a", None], ["b", "c"]]


def test_blank_lines_are_rows_and_the_last_line_needs_no_end(table: Any) -> None:
    assert table(b"a\n\nb", {"x": "string"}) == [["a"], [""], ["b"]]
    assert table(b"a\r\nb\rc\n", {"x": "string"}) == [["a"], ["b"], ["c"]]
    assert table(b"", {"x": "string"}) == []


def test_header_lines_are_skipped(table: Any) -> None:
    assert table(b"x\na\n", {"x": "string"}, more={"skip.header.line.count": "1"}) == [["a"]]


def test_an_escape_guards_a_delimiter_and_itself(table: Any) -> None:
    assert table(b"a\\,b,c\\\\d\n", {"x": "string", "y": "string"}, **{"field.delim": ",", "escape.delim": "\\"}) == [["a,b", "c\\d"]]


def test_what_hive_cannot_read_as_its_type_is_null(table: Any) -> None:
    columns = {"n": "bigint", "d": "double", "b": "boolean", "day": "date", "at": "timestamp", "m": "decimal(4,1)"}
    line = b"12,1.5,TRUE,2026-01-02,2026-01-02 03:04:05.678,1.25\nx,y,t,2026/01/02,never,z\n"

    assert table(line, columns, **{"field.delim": ","}) == [
        ["12", "1.5", "true", "2026-01-02", "2026-01-02 03:04:05.678", "1.3"],
        [None] * 6,
    ]


def test_packed_files_are_unpacked(table: Any) -> None:
    assert table(gzip.compress(b"a\nb\n"), {"x": "string"}, name="part.gz") == [["a"], ["b"]]


def test_open_csv_reads_quotes_escapes_and_commas(table: Any) -> None:
    content = b'"a,b","say ""hi""","c\\"d"\nplain,,"x\\\\y"\n'

    assert table(content, {"x": "string", "y": "string", "z": "string"}, CSV) == [["a,b", 'say "hi"', 'c"d'], ["plain", "", "x\\y"]]


def test_open_csv_takes_its_characters_from_the_catalog(table: Any) -> None:
    options = {"separatorChar": ";", "quoteChar": "'", "escapeChar": "#"}

    assert table(b"'a;b';\"c\"\n", {"x": "string", "y": "string"}, CSV, **options) == [["a;b", '"c"']]


def test_open_csv_reads_days_and_moments_as_numbers(table: Any) -> None:
    assert table(b'"1","0"\n', {"day": "date", "at": "timestamp"}, CSV) == [["1970-01-02", "1970-01-01 00:00:00.000"]]


def test_open_csv_refuses_an_empty_number(table: Any, lake: Lake) -> None:
    with pytest.raises(AssertionError, match="HIVE_BAD_DATA: Error parsing field value '' for field n"):
        table(b"a,\n", {"x": "string", "n": "int"}, CSV)
    assert lake.rows("SELECT x FROM texts") == [["x"], ["a"]], "a column that nobody asks for is not parsed"


def test_open_csv_refuses_a_quote_that_is_never_closed(table: Any) -> None:
    with pytest.raises(AssertionError, match="HIVE_BAD_DATA: Expected a closing quote in each line"):
        table(b'"a\nb"\n', {"x": "string"}, CSV)


@pytest.mark.parametrize("serde", ["org.apache.hadoop.hive.ql.io.orc.OrcSerde", "org.apache.hadoop.hive.serde2.RegexSerDe"])
def test_a_serde_that_is_not_on_this_disk_is_named(table: Any, serde: str) -> None:
    with pytest.raises(AssertionError, match=f"the SerDe {serde} of mabe.texts is not on this disk"):
        table(b"a\n", {"x": "string"}, serde)


def test_a_column_of_a_type_that_this_disk_does_not_have_is_refused_where_it_is_read(table: Any, lake: Lake) -> None:
    with pytest.raises(AssertionError, match=r"the column c of type char\(3\) is not on this disk"):
        table(b"a\x01b\n", {"x": "string", "c": "char(3)"})
    assert lake.rows("SELECT x FROM texts") == [["x"], ["a"]]
    with pytest.raises(AssertionError, match=r"the column l of type array\(integer\) in a text file is not on this disk"):
        table(b"a\x01b\n", {"x": "string", "l": "array<int>"})
    assert lake.rows("SELECT x FROM texts") == [["x"], ["a"]]


def test_tables_declared_in_sql_are_read_as_declared(lake: Lake) -> None:
    folder = lake.endpoint.root / "curated-zone" / "declared"
    folder.mkdir()
    (folder / "part.csv").write_text("id;word\n1;'a;b'\n")
    at = "LOCATION 's3://curated-zone/declared/'"
    skip = "TBLPROPERTIES ('skip.header.line.count' = '1')"
    lake.run(
        "CREATE EXTERNAL TABLE quoted (id int, word string) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' "
        f"WITH SERDEPROPERTIES ('separatorChar' = ';', 'quoteChar' = \"'\") {at} {skip}"
    )
    lake.run(f"CREATE EXTERNAL TABLE plain (id string, word string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ';' NULL DEFINED AS '1' {at}")
    lake.run(f"CREATE EXTERNAL TABLE untold (line string) {at}")

    assert lake.rows("SELECT * FROM quoted")[1:] == [["1", "a;b"]]
    assert lake.rows("SELECT * FROM plain")[1:] == [["id", "word"], [None, "'a"]]
    assert lake.rows("SELECT * FROM untold")[1:] == [["id;word"], ["1;'a;b'"]]
    assert "STORED AS ORC is not on this disk" in lake.why_not(f"CREATE EXTERNAL TABLE orc (id int) STORED AS ORC {at}")


def test_a_text_table_made_by_a_query_is_read_back_as_it_was_written(lake: Lake) -> None:
    lake.run(
        "CREATE TABLE made WITH (format = 'TEXTFILE') AS SELECT 1 AS n, CAST(NULL AS varchar) AS missing, 'a,\"b' AS word, '' AS blank"
    )

    assert lake.rows("SELECT * FROM made") == [["n", "missing", "word", "blank"], ["1", None, 'a,"b', ""]]


def test_partitions_of_text_tables_have_their_values(lake: Lake) -> None:
    folder = lake.endpoint.root / "curated-zone" / "parts"
    for lab in ("A", "B"):
        (folder / f"lab_id={lab}").mkdir(parents=True)
        (folder / f"lab_id={lab}" / "part.txt").write_text(f"{lab.lower()}\n")
    lake.run("CREATE EXTERNAL TABLE parts (word string) PARTITIONED BY (lab_id string) LOCATION 's3://curated-zone/parts/'")
    lake.run("MSCK REPAIR TABLE parts")

    assert lake.rows("SELECT word, lab_id, \"$path\" FROM parts WHERE lab_id = 'B'")[1:] == [
        ["b", "B", "s3://curated-zone/parts/lab_id=B/part.txt"]
    ]
