"""All steps in order, one command: recordings on a disk to a score on recordings that training never saw.

    python aws_pipeline/pipeline.py [--data-dir D | --sample] [--recipe cnn_transformer_small] [--force]

Reads   the recordings in D (default: MABE_DATA_DIR); with --sample simulated ones, made first.
Writes  the raw and the curated zone, a model, and results/<name of D>/: the checkpoint, submissions, score.json, summary.json.

A step whose inputs and code are what they were when it last succeeded is not run again and says so.

Exit codes: 0 all done, 1 unexpected, 2 usage, configuration or a full disk, 4 the input breaks its contract or a job failed,
            5 AWS refuses.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline import athena, glue_job, s3_upload, sagemaker_train
from aws_pipeline.config import REPOSITORY, Settings, endpoint, settings
from aws_pipeline.job_code import GLUE_LIBRARY, GLUE_SCRIPT, TRAINING, digest, files
from aws_pipeline.script import JobFailed, progress, run, size
from behavior.contract import EXIT_OK

SAMPLE_DIR = REPOSITORY / "data" / "sample"
RESULTS = REPOSITORY / "results"


@dataclass
class Step:
    """What one step did."""

    name: str
    """As in the README."""
    did: str
    """In words."""
    rows: int | None = None
    """Rows written or read, where the step has rows."""
    n_bytes: int | None = None
    """Bytes written."""
    seconds: float = 0.0
    """Wall time of this run."""
    reused: bool = False
    """Up to date, not run."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What later steps need to know of it."""


@dataclass(frozen=True)
class Plan:
    """What to run on what."""

    data_dir: Path
    results: Path
    recipe: str
    hyperparameters: dict[str, str | int | float]
    force: bool


def run_pipeline(plan: Plan, chosen: Settings, tell: Callable[[Step], None]) -> list[Step]:
    """Run every step, telling each as it ends; return them all."""
    plan.results.mkdir(parents=True, exist_ok=True)
    steps: list[Step] = []

    def do(step: Callable[[], Step]) -> Step:
        started = time.monotonic()
        done = step()
        done.seconds = round(time.monotonic() - started, 1)
        steps.append(done)
        tell(done)
        return done

    with endpoint(chosen):
        do(lambda: _ingest(plan, chosen))
        etl = do(lambda: _etl(plan, chosen))
        do(lambda: _sql(chosen))
        trained = do(lambda: _train(plan, chosen, etl))
        held_out = plan.results / "held_out.csv"
        do(lambda: _infer(plan, trained, held_out, "--held-out"))
        if (plan.data_dir / "test.csv").is_file():
            do(lambda: _infer(plan, trained, plan.results / "submission.csv"))
        do(lambda: _score(plan, held_out))
    return steps


def _ingest(plan: Plan, chosen: Settings) -> Step:
    import boto3

    uploads = s3_upload.plan_uploads(plan.data_dir)
    sending = s3_upload.upload(uploads, boto3.client("s3"), chosen.bucket("raw"))
    sent = [item.path.stat().st_size for item, was_sent in progress(sending, "upload", len(uploads)) if was_sent]
    did = f"{len(sent)} of {len(uploads)} files sent" if sent else f"{len(uploads)} files, all there already"
    return Step("1 ingest", did, n_bytes=sum(sent), reused=not sent)


def _etl(plan: Plan, chosen: Settings) -> Step:
    fingerprint = _digest(_raw_objects(chosen), digest(files(*GLUE_LIBRARY, GLUE_SCRIPT)))
    facts, reused = _once("etl", fingerprint, lambda: glue_job.run_job(chosen), plan, chosen)
    did = f"{facts['videos']} recordings curated"
    return Step("2 ETL", did, facts["rows_out"], facts["bytes_out"], reused=reused, facts={"fingerprint": fingerprint})


def _sql(chosen: Settings) -> Step:
    return Step("3 SQL", "class_imbalance.sql answered", rows=len(athena.query(athena.saved("class_imbalance"), chosen)))


def _train(plan: Plan, chosen: Settings, etl: Step) -> Step:
    request = sagemaker_train.TrainingRequest(plan.recipe, plan.hyperparameters)
    asked = json.dumps({"recipe": plan.recipe, **plan.hyperparameters}, sort_keys=True)
    fingerprint = _digest(etl.facts["fingerprint"], digest(files(*TRAINING)), asked)

    def work() -> dict[str, Any]:
        job = sagemaker_train.submit(request, chosen, wait=True)
        return {"job": job.training_job_name, "model": job.model_artifacts.s3_model_artifacts}

    facts, reused = _once(f"train-{plan.recipe}", fingerprint, work, plan, chosen)
    checkpoint = sagemaker_train.download(facts["model"], plan.results / f"{plan.recipe}.safetensors")
    return Step("4 train", plan.recipe, n_bytes=checkpoint.stat().st_size, reused=reused, facts={"checkpoint": checkpoint})


def _infer(plan: Plan, trained: Step, output: Path, *flags: str) -> Step:
    checkpoint = trained.facts["checkpoint"]
    _script("inference/make_submission.py", "--data-dir", plan.data_dir, "--checkpoint", checkpoint, "--output", output, *flags)
    rows = sum(1 for _ in output.open()) - 1
    return Step("5 infer", "held-out recordings" if flags else "test recordings", rows, output.stat().st_size)


def _score(plan: Plan, submission: Path) -> Step:
    checkpoint = plan.results / f"{plan.recipe}.safetensors"
    solution = plan.data_dir / "train.csv"
    told = _script("inference/evaluate.py", "--solution", solution, "--submission", submission, "--unseen-by", checkpoint, "--json")
    (plan.results / "score.json").write_text(told)
    score = json.loads(told)
    return Step("6 score", f"{score['score']:.3f} over {len(score['labs'])} labs", facts={"score": score["score"]})


def _script(path: str, *arguments: object) -> str:
    """Run a script of the other tower; the towers meet in files and commands, never by import. Its errors are told as they come."""
    command = [sys.executable, str(REPOSITORY / path), *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise JobFailed(f"Expected {path} to succeed, but got exit code {done.returncode}. Mend what it says above.", done.returncode)
    return done.stdout


def _raw_objects(chosen: Settings) -> str:
    import boto3

    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=chosen.bucket("raw"))
    return "\n".join(f"{item['Key']} {item['ETag']}" for page in pages for item in page.get("Contents", []))


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _once(step: str, fingerprint: str, work: Callable[[], dict[str, Any]], plan: Plan, chosen: Settings) -> tuple[dict[str, Any], bool]:
    """Return what a step said when it last succeeded on these very inputs, and True; else do the work, keep what it says, and False."""
    import boto3

    s3 = boto3.client("s3")
    place = {"Bucket": chosen.bucket("artifacts"), "Key": f"pipeline/{step}.json"}
    try:
        record = json.load(s3.get_object(**place)["Body"])
    except s3.exceptions.NoSuchKey:
        record = {}
    if record.get("fingerprint") == fingerprint and not plan.force:
        return record["facts"], True
    facts = work()
    s3.put_object(**place, Body=json.dumps({"fingerprint": fingerprint, "facts": facts}).encode())
    return facts, False


def _make_sample() -> None:
    told = _script("aws_pipeline/sample_data.py", "--data-dir", SAMPLE_DIR)
    print(told.rstrip(), flush=True)


def _tell(step: Step) -> None:
    mark = "up to date" if step.reused else f"{step.seconds:.1f} s"
    print(f"{step.name:<9}  {step.did}, {mark}", flush=True)


def _summary(steps: list[Step], plan: Plan, chosen: Settings) -> str:
    lines = ["", f"{'step':<9} {'what':<38} {'rows':>11} {'bytes':>9} {'seconds':>8}"]
    for step in steps:
        rows = "" if step.rows is None else f"{step.rows:,}"
        n_bytes = "" if step.n_bytes is None else size(step.n_bytes)
        seconds = "ready" if step.reused else f"{step.seconds:.1f}"
        lines.append(f"{step.name:<9} {step.did[:38]:<38} {rows:>11} {n_bytes:>9} {seconds:>8}")
    lines += [
        "",
        f"score     {steps[-1].facts['score']:.3f} on recordings that training never saw; 1 is perfect",
        f"lake      {chosen.uri('raw')}, {chosen.uri('curated')} ({chosen.place})",
        f"results   {plan.results}",
    ]
    return "\n".join(lines)


def main() -> int:
    """Parse the command line, run all steps and print one summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--data-dir", type=Path, help="recordings (default: MABE_DATA_DIR, else data/ in the repository)")
    source.add_argument("--sample", action="store_true", help="simulated recordings of several labs, made in data/sample")
    parser.add_argument("--recipe", default="cnn_transformer_small", help="what to train (default: %(default)s)")
    parser.add_argument("--epochs", type=int, help="train this many epochs at most (default: the recipe's)")
    parser.add_argument("--results-dir", type=Path, help="where results go (default: results/<name of the data directory>)")
    parser.add_argument("--force", action="store_true", help="run every step, up to date or not")
    arguments = parser.parse_args()
    chosen = settings()
    if arguments.sample:
        _make_sample()
    data_dir = SAMPLE_DIR if arguments.sample else (arguments.data_dir or chosen.data_dir).resolve()
    results = (arguments.results_dir or RESULTS / data_dir.name).resolve()
    hyperparameters = {} if arguments.epochs is None else {"epochs": arguments.epochs}
    plan = Plan(data_dir, results, arguments.recipe, hyperparameters, arguments.force)
    steps = run_pipeline(plan, chosen, _tell)
    (results / "summary.json").write_text(json.dumps([asdict(step) for step in steps], indent=1, default=str))
    print(_summary(steps, plan, chosen))
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run(main))
