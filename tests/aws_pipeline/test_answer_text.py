import pandas as pd

from aws_pipeline.answer_text import as_text


def frame() -> pd.DataFrame:
    return pd.DataFrame({"lab": ["QuietOtter", "ShyMole"], "count": pd.array([12, None], "Int64"), "share": [0.12345, 0.5]})


def test_a_table_lines_up_and_says_null():
    assert as_text(frame(), "table").splitlines() == [
        "lab         count   share",
        "─────────────────────────",
        "QuietOtter     12  0.1235",
        "ShyMole      null  0.5000",
    ]


def test_a_table_on_a_pipe_keeps_each_row_on_its_line():
    wide = pd.DataFrame({f"column_{number}": ["x" * 20] for number in range(10)})
    assert len(as_text(wide, "table").splitlines()) == 3


def test_long_text_is_folded_to_fit_the_terminal():
    lines = as_text(pd.DataFrame({"text": ["word " * 30], "count": [7]}), "table", width=40).splitlines()
    assert max(map(len, lines)) <= 40
    assert sum(line.count("word") for line in lines) == 30


def test_a_table_that_cannot_fit_is_told_row_by_row():
    wide = pd.DataFrame({f"number_{number}": [number, number] for number in range(30)})
    lines = as_text(wide, "table", width=80).splitlines()
    assert lines[:3] == ["row 1", "number_0   0", "number_1   1"]
    assert lines.count("number_29  29") == 2


def test_numbers_of_a_column_have_as_many_decimals_as_its_largest_needs():
    assert as_text(pd.DataFrame({"s": [1234.5678, 0.1]}), "table").split()[2:] == ["1235", "0"]
    assert as_text(pd.DataFrame({"s": [2.0, 30.0]}), "table").split()[2:] == ["2", "30"]
