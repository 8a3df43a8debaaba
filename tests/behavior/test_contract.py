import pickle

import pytest

from behavior.contract import CODES, ContractError, Fault, Severity, UsageError, exit_code, refuse

TORN = Fault("file-unreadable", "7.parquet", "Expected a Parquet file, but got: no magic bytes.", "Copy the file again.")
FAR = Fault("point-far", "7.parquet", "Expected points near the picture, but got 3 farther away.", "They count as lost.", 3)
CLIP = Fault("film-clip", "7.parquet", "Expected tracking from frame 0, but got frame 9000.")


def test_a_fault_is_one_clear_line_of_place_expectation_and_mend():
    assert str(TORN) == "7.parquet: Expected a Parquet file, but got: no magic bytes. Copy the file again."
    assert str(CLIP) == "7.parquet: Expected tracking from frame 0, but got frame 9000."
    assert str(Fault("scale", "", "Expected a scale,\nbut got none.", "Measure it.")) == "Expected a scale, but got none. Measure it."


def test_the_code_says_what_becomes_of_the_input():
    assert (TORN.severity, FAR.severity, CLIP.severity) == (Severity.REJECT, Severity.REPAIR, Severity.FLAG)


def test_a_code_that_nobody_listed_is_a_mistake_of_the_program():
    with pytest.raises(ValueError, match=r"Expected one of the codes in behavior/contract\.py, but got 'file-torn'"):
        Fault("file-torn", "7.parquet", "Expected a whole file, but got a part.")


def test_every_code_stands_once_in_short_kebab_words():
    codes = [code for listed in CODES.values() for code in listed]
    assert len(codes) == len(set(codes))
    assert all(code == code.lower() and set(code) <= set("abcdefghijklmnopqrstuvwxyz-") for code in codes)


def test_an_error_holds_each_fault_once_in_the_order_of_their_lines():
    error = ContractError([TORN, Fault("scale", "1.csv", "Expected a scale, but got none."), TORN])
    assert [fault.code for fault in error.faults] == ["scale", "file-unreadable"]
    assert str(error) == f"1.csv: Expected a scale, but got none.\n{TORN}"


def test_plain_text_is_a_fault_of_the_generic_code():
    one, many = ContractError("Expected a, but got b. Mend it."), ContractError(["Expected c, but got d. Mend it.", TORN])
    assert one.faults == (Fault("unfit", "", "Expected a, but got b. Mend it."),)
    assert str(one) == "Expected a, but got b. Mend it."
    assert [fault.code for fault in many.faults] == ["file-unreadable", "unfit"]


def test_an_error_keeps_its_faults_on_the_way_to_another_process():
    assert pickle.loads(pickle.dumps(ContractError([TORN]))).faults == (TORN,)


def test_repairs_and_flags_refuse_nothing():
    refuse([])
    refuse([FAR, CLIP])
    with pytest.raises(ContractError) as caught:
        refuse([FAR, TORN, "Expected a, but got b."])
    assert [fault.code for fault in caught.value.faults] == ["file-unreadable", "unfit"]
    with pytest.raises(ValueError, match="Expected a fault, but got none"):
        raise ContractError([])


def test_a_repair_that_a_policy_rejects_ends_a_script_as_any_other_fault_does(capsys):
    def refused() -> int:
        raise ContractError(FAR)

    assert exit_code(refused) == 4
    assert capsys.readouterr().err == f"error: {FAR}\n"


def test_a_script_prints_a_line_for_each_fault_and_no_traceback(capsys):
    def refused() -> int:
        raise ContractError([TORN, "Expected a, but got b. Mend it."])

    def misused() -> int:
        raise UsageError("Expected a flag, but got none. Give it.")

    assert exit_code(refused) == 4
    assert capsys.readouterr().err == f"error: {TORN}\nerror: Expected a, but got b. Mend it.\n"
    assert exit_code(misused) == 2
    assert capsys.readouterr().err == "error: Expected a flag, but got none. Give it.\n"
    assert exit_code(lambda: 0) == 0
