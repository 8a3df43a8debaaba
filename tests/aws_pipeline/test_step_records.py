"""A step is run again when an input, or anything that it left, is not what it was; and only then."""

import boto3
import pytest

from aws_pipeline.step_records import StepRecords, file_fingerprint, fingerprint_of, objects_fingerprint
from infra.local.server import LocalServer


@pytest.fixture
def s3(tmp_path):
    with LocalServer(tmp_path / "s3_mock") as server:
        client = boto3.client("s3", "us-east-1", endpoint_url=server.url, aws_access_key_id="local", aws_secret_access_key="local")
        client.create_bucket(Bucket="artifacts")
        yield client
        client.close()


@pytest.fixture
def step(s3, tmp_path):
    """A step that writes its inputs to a file; returns whether it was up to date."""
    output = tmp_path / "output"

    def once(*inputs, force=False):
        def work():
            output.write_text(" ".join(inputs))
            return {"words": len(inputs)}

        facts, reused = StepRecords(s3, "artifacts", force).once("step", inputs, work, lambda facts: file_fingerprint(output))
        assert facts == {"words": len(inputs)}
        assert output.read_text() == " ".join(inputs)
        return reused

    once.output = output
    return once


def test_the_same_inputs_again_are_up_to_date_and_others_are_not(step):
    assert [step("a", "b"), step("a", "b"), step("a", "c"), step("ac"), step("a", "b")] == [False, True, False, False, False]


def test_a_step_whose_output_is_gone_or_changed_is_run_again(step):
    step("a")
    step.output.unlink()
    assert not step("a")
    step.output.write_text("spoiled")
    assert not step("a")
    assert step("a")


def test_a_step_runs_when_it_is_told_to(step):
    step("a")
    assert not step("a", force=True)
    assert step("a")


def test_a_step_that_fails_is_not_up_to_date(s3):
    records = StepRecords(s3, "artifacts")

    def fail():
        raise ValueError("Expected cheese.")

    for _ in range(2):
        with pytest.raises(ValueError, match="cheese"):
            records.once("step", ["a"], fail, lambda facts: "")


def test_inputs_are_told_apart_wherever_one_ends():
    assert fingerprint_of("ab", "c") != fingerprint_of("a", "bc")


def test_objects_are_known_by_key_and_content(s3):
    s3.put_object(Bucket="artifacts", Key="zone/a", Body=b"1")
    first = objects_fingerprint(s3, "artifacts", "zone/")
    s3.put_object(Bucket="artifacts", Key="elsewhere/a", Body=b"2")
    assert objects_fingerprint(s3, "artifacts", "zone/") == first
    s3.put_object(Bucket="artifacts", Key="zone/a", Body=b"2")
    assert objects_fingerprint(s3, "artifacts", "zone/") != first
    s3.put_object(Bucket="artifacts", Key="zone/a", Body=b"1")
    assert objects_fingerprint(s3, "artifacts", "zone/") == first
