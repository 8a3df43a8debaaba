"""All steps with one command: from recordings on a disk to a score, and a report, on recordings that training never saw.

    python aws_pipeline/pipeline.py [--data-dir D | --sample] [--recipe cnn_transformer_small] [--force]

Reads   the recordings in D (default: MABE_DATA_DIR); with --sample, simulated ones.
Writes  the raw and the curated zone, a model, and results/<name of D>/: the checkpoint, submissions, score.json, report.html (a page
        for people), summary.json.

A recording that breaks its contract is put aside by the upload or the ETL, and all steps go on with the accepted ones: recognizing and
scoring read them from results/<name of D>/accepted, which has their metadata and links to their files.

The ETL asks the lake what is new or changed. Any other step whose inputs and code are what they were when it last succeeded, and all
that it left is there unchanged, is not run again and says so. Inputs are objects by their ETags and files by their content.

Exit codes: 0 all done, 1 unexpected, 2 usage, configuration or a full disk, 3 finished, but something was put aside (python
            aws_pipeline/quarantine.py list says what and why), 4 the data set breaks its contract or a job failed, 5 AWS refuses.
"""

import argparse
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
from aws_pipeline.accepted_recordings import accepted_recordings, read_accepted
from aws_pipeline.config import Settings, add_policy_flag, endpoint, policy_text, settings, with_policy
from aws_pipeline.job_code import TRAINING, digest, files
from aws_pipeline.step_records import StepFacts, StepRecords, file_fingerprint, objects_fingerprint
from aws_pipeline.terminal import JobFailed, run, size
from behavior.contract import EXIT_OK, EXIT_PUT_ASIDE
from behavior.keys import CURRENT_SNAPSHOT, SPLITS
from behavior.whole_file import whole_file
from behavior.workplace import REPOSITORY, WORKPLACE

INFERENCE = ("behavior", "films", "reports", "recognizers", "inference")
"""Folders with the code of inference and evaluation."""
SAMPLE_DIR = WORKPLACE / "data" / "sample"
RESULTS = WORKPLACE / "results"


@dataclass
class Step:
    """The result of one step."""

    name: str
    """Its name in the README."""
    did: str
    """A few words about the work."""
    rows: int | None = None
    """Rows written or read, if the step has rows."""
    n_bytes: int | None = None
    """Bytes written."""
    seconds: float = 0.0
    """Wall time in this run."""
    reused: bool = False
    """Whether it was up to date and not run."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Facts for later steps."""
    lines: list[str] = field(default_factory=list)
    """Other lines for the user."""


@dataclass(frozen=True)
class PipelineOrder:
    """Data, recipe and output folder of a run."""

    data_dir: Path
    results: Path
    recipe: str
    hyperparameters: dict[str, str | int | float]
    force: bool

    @property
    def checkpoint(self) -> Path:
        """Path of the trained recognizer."""
        return self.results / f"{self.recipe}.safetensors"


def run_pipeline(order: PipelineOrder, chosen: Settings, on_step: Callable[[Step], None]) -> list[Step]:
    """Run every step that is not up to date; call `on_step` after each step; return all steps."""
    import boto3

    order.results.mkdir(parents=True, exist_ok=True)
    steps: list[Step] = []
    with endpoint(chosen):
        for step in _Pipeline(order, chosen, boto3.client("s3")).steps():
            started = time.monotonic()
            done = step()
            done.seconds = round(time.monotonic() - started, 1)
            steps.append(done)
            on_step(done)
    return steps


class _Pipeline:
    """The steps in order. A step reads the output of earlier steps, so its inputs are compared just before it runs."""

    def __init__(self, order: PipelineOrder, chosen: Settings, s3: Any) -> None:
        self.order = order
        self.chosen = chosen
        self.s3 = s3
        self.records = StepRecords(s3, chosen.bucket("artifacts"), order.force)
        self.held_out = order.results / "held_out.csv"
        self.data_dir = order.data_dir
        self.put_aside = 0

    def steps(self) -> list[Callable[[], Step]]:
        """Return the functions of all steps, in order."""
        test = [self._infer_test] if (self.order.data_dir / "test.csv").is_file() else []
        return [self._ingest, self._etl, self._sql, self._train, self._infer_held_out, *test, self._score, self._report]

    def _raw(self) -> str:
        return objects_fingerprint(self.s3, self.chosen.bucket("raw"))

    def _curated(self) -> str:
        return objects_fingerprint(self.s3, self.chosen.bucket("curated"), CURRENT_SNAPSHOT)

    def _ingest(self) -> Step:
        done = s3_upload.upload(self.order.data_dir, self.chosen)
        n_sent, n_files = len(done.sent), len(done.plan.uploads)
        did = f"{n_sent} of {n_files} files sent" if n_sent else f"{n_files} files, all there already"
        lines = s3_upload.report_lines(done.plan)
        facts = {"put_aside": len(done.plan.put_aside)}
        return Step("1 ingest", did, n_bytes=done.bytes_sent, reused=not n_sent, facts=facts, lines=lines)

    def _etl(self) -> Step:
        facts, needed = glue_job.run_job(self.chosen, glue_job.Order(force=self.order.force))
        self.data_dir = accepted_recordings(
            self.order.data_dir, read_accepted(self.chosen.uri("curated"), facts["by_leave"]), self.order.results / "accepted"
        )
        n_anew = facts["curated_anew"] if needed else 0
        did = f"{n_anew} of {facts['videos']} recordings curated" + (f", {len(facts['put_aside'])} put aside" if facts["put_aside"] else "")
        lines = [*glue_job.balance_lines(facts), *glue_job.put_aside_lines(facts)]
        answer = {"put_aside": len(facts["put_aside"])}
        self.put_aside = len(facts["put_aside"])  # with those of the upload
        return Step("2 ETL", did, facts["rows_out"], facts["bytes_out"], reused=not needed, facts=answer, lines=lines)

    def _sql(self) -> Step:
        question = athena.saved_query("class_imbalance")
        inputs = self._curated(), question, digest(files("aws_pipeline/athena.py"))
        facts, reused = self.records.once("sql", inputs, lambda: {"rows": len(athena.query(question, self.chosen))}, lambda _: "")
        return Step("3 SQL", "class_imbalance.sql answered", rows=facts["rows"], reused=reused)

    def _train(self) -> Step:
        order = self.order
        request = sagemaker_train.TrainingRequest(order.recipe, order.hyperparameters)
        inputs = self._curated(), digest(files(*TRAINING)), json.dumps({"recipe": order.recipe, **order.hyperparameters}, sort_keys=True)

        def work() -> StepFacts:
            job = sagemaker_train.submit(request, self.chosen, wait=True)
            return {"job": job.training_job_name, "model": job.model_artifacts.s3_model_artifacts}

        def model(facts: StepFacts) -> str:
            bucket, _, key = facts["model"].removeprefix("s3://").partition("/")
            return objects_fingerprint(self.s3, bucket, key)

        facts, reused = self.records.once(f"train-{order.recipe}", inputs, work, model)
        sagemaker_train.download(facts["model"], order.checkpoint)
        return Step("4 train", order.recipe, n_bytes=order.checkpoint.stat().st_size, reused=reused)

    def _infer_held_out(self) -> Step:
        return self._infer("held-out recordings", self.held_out, "--held-out")

    def _infer_test(self) -> Step:
        if not (self.data_dir / "test.csv").is_file():
            return Step("5 infer", "no test recording was accepted")
        return self._infer("test recordings", self.order.results / "submission.csv")

    def _infer(self, which: str, output: Path, *flags: str) -> Step:
        order = self.order
        listed = [file_fingerprint(self.data_dir / f"{split}.csv") for split in SPLITS]
        inputs = self._raw(), *listed, file_fingerprint(order.checkpoint), digest(files(*INFERENCE)), *flags

        def work() -> StepFacts:
            places = "--data-dir", self.data_dir, "--checkpoint", order.checkpoint, "--output", output
            _script("inference/make_submission.py", *places, *flags)
            return {"rows": sum(1 for _ in output.open()) - 1}

        facts, reused = self.records.once(f"infer-{order.recipe}-{output.stem}", inputs, work, lambda _: file_fingerprint(output))
        return Step("5 infer", which, facts["rows"], output.stat().st_size, reused=reused)

    def _score(self) -> Step:
        order, output = self.order, self.order.results / "score.json"
        listed = file_fingerprint(self.data_dir / "train.csv")
        inputs = self._raw(), listed, file_fingerprint(order.checkpoint), file_fingerprint(self.held_out), digest(files(*INFERENCE))

        def work() -> StepFacts:
            places = "--solution", self.data_dir / "train.csv", "--submission", self.held_out, "--unseen-by", order.checkpoint
            answer = _script("inference/evaluate.py", *places, "--json")
            with whole_file(output) as draft:
                draft.write_text(answer)
            return {name: json.loads(answer)[name] for name in ("score", "labs")}

        facts, reused = self.records.once(f"score-{order.recipe}", inputs, work, lambda _: file_fingerprint(output))
        did = f"{facts['score']:.3f} over {len(facts['labs'])} labs"
        return Step("6 score", did, reused=reused, facts={"score": facts["score"]})

    def _report(self) -> Step:
        order, output = self.order, self.order.results / "report.html"
        listed = [file_fingerprint(self.data_dir / f"{split}.csv") for split in SPLITS]
        says = f"{self.put_aside} recordings or files were put aside. python aws_pipeline/quarantine.py list says which, and why."
        note = ("--note", says) if self.put_aside else ()
        inputs = self._raw(), *listed, file_fingerprint(order.checkpoint), digest(files(*INFERENCE)), *note

        def work() -> StepFacts:
            places = "--data-dir", self.data_dir, "--checkpoint", order.checkpoint, "--output", output
            _script("inference/report.py", *places, "--title", order.data_dir.name, *note)
            return {}

        _, reused = self.records.once(f"report-{order.recipe}", inputs, work, lambda _: file_fingerprint(output))
        return Step("7 report", "one page", n_bytes=output.stat().st_size, reused=reused, facts={"report": str(output)})


def _script(path: str, *arguments: object) -> str:
    """Run a script of the other tower, which cannot be imported here, and return its output. Its errors go to stderr."""
    command = [sys.executable, str(REPOSITORY / path), *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise JobFailed(f"Expected {path} to succeed, but got exit code {done.returncode}. Correct the error above.", done.returncode)
    return done.stdout


def _make_sample() -> None:
    print(_script("aws_pipeline/sample_data.py", "--data-dir", SAMPLE_DIR).rstrip(), flush=True)


def _print_step(step: Step) -> None:
    mark = "up to date" if step.reused else f"{step.seconds:.1f} s"
    print(f"{step.name:<9}  {step.did}, {mark}", flush=True)
    for line in step.lines:
        print(f"{'':<11}{line}", flush=True)


def _summary(steps: list[Step], order: PipelineOrder, chosen: Settings) -> str:
    lines = ["", f"{'step':<9} {'what':<38} {'rows':>11} {'bytes':>9} {'seconds':>8}"]
    for step in steps:
        rows = "" if step.rows is None else f"{step.rows:,}"
        n_bytes = "" if step.n_bytes is None else size(step.n_bytes)
        seconds = "ready" if step.reused else f"{step.seconds:.1f}"
        lines.append(f"{step.name:<9} {step.did[:38]:<38} {rows:>11} {n_bytes:>9} {seconds:>8}")
    known = {name: fact for step in steps for name, fact in step.facts.items()}
    lines += [
        "",
        f"score     {known['score']:.3f} on recordings that training never saw; 1 is perfect",
        f"lake      {chosen.uri('raw')}, {chosen.uri('curated')} ({chosen.place})",
        f"results   {order.results}",
        f"report    {known['report']}",
    ]
    return "\n".join(lines)


def _main() -> int:
    """Parse the command line, run all steps and print one summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--data-dir", type=Path, help="recordings (default: MABE_DATA_DIR, else data/ in the repository)")
    source.add_argument("--sample", action="store_true", help="simulated recordings of several labs, made in data/sample")
    parser.add_argument("--recipe", default="cnn_transformer_small", help="recipe to train (default: %(default)s)")
    parser.add_argument("--epochs", type=int, help="train this many epochs at most (default: the recipe's)")
    parser.add_argument("--results-dir", type=Path, help="folder for results (default: results/<name of the data directory>)")
    add_policy_flag(parser)
    parser.add_argument("--force", action="store_true", help="run every step, also those that are up to date")
    arguments = parser.parse_args()
    chosen = with_policy(settings(), arguments.policy)
    policy_text(chosen)
    if arguments.sample:
        _make_sample()
    data_dir = SAMPLE_DIR if arguments.sample else (arguments.data_dir or chosen.data_dir).resolve()
    results = (arguments.results_dir or RESULTS / data_dir.name).resolve()
    hyperparameters = {} if arguments.epochs is None else {"epochs": arguments.epochs}
    order = PipelineOrder(data_dir, results, arguments.recipe, hyperparameters, arguments.force)
    steps = run_pipeline(order, chosen, _print_step)
    with whole_file(results / "summary.json") as draft:
        draft.write_text(json.dumps([asdict(step) for step in steps], indent=1, default=str))
    print(_summary(steps, order, chosen))
    return EXIT_PUT_ASIDE if any(step.facts.get("put_aside") for step in steps) else EXIT_OK


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
