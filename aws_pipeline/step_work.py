"""How the steps are done on this machine, and when a step is up to date.

A step's inputs are what it reads (aws_pipeline/steps.py), each with a fingerprint of its content, its code, and its command. Steps that
are scripts of the other tower run as processes, because they cannot be imported here; the others are called, because they know more of
what they did than their exit code.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aws_pipeline import glue_job, quality_gate, s3_upload, sagemaker_train
from aws_pipeline.accepted_recordings import accepted_recordings, read_accepted
from aws_pipeline.athena import query, saved_query
from aws_pipeline.config import Settings
from aws_pipeline.job_code import digest, files
from aws_pipeline.model_versions import register, serving_image
from aws_pipeline.pipeline_order import PipelineOrder, StepResult
from aws_pipeline.step_records import StepFacts, StepRecords, file_fingerprint, fingerprint_of, objects_fingerprint
from aws_pipeline.steps import (
    ANSWER,
    CURATED,
    FILM_RECIPES,
    HELD_OUT,
    MODEL,
    QUALITY,
    RAW,
    REPORT,
    SCORE,
    SUBMISSION,
    VERDICT,
    Step,
    steps_for,
)
from aws_pipeline.terminal import JobFailed
from behavior.contract import EXIT_OK, EXIT_PUT_ASIDE, ContractError
from behavior.keys import CURRENT_SNAPSHOT, SPLITS
from behavior.whole_file import whole_file
from behavior.workplace import REPOSITORY
from films.folder import TEST_VIDEO


class StepWork:
    """The work of one run of the pipeline."""

    def __init__(self, order: PipelineOrder, chosen: Settings, s3: Any) -> None:
        self.order = order
        self.chosen = chosen
        self.s3 = s3
        self.records = StepRecords(s3, chosen.bucket("artifacts"), order.force)
        self.accepted = order.data_dir
        self.job = ""
        self.put_aside = 0
        self._work: Mapping[str, Callable[[Step], StepResult]] = {
            "ingest": self._ingest, "etl": self._etl, "quality": self._quality, "gate": self._gate, "sql": self._sql, "train": self._train,
            "held_out": self._held_out, "test": self._test, "score": self._score, "report": self._report, "register": self._register,
        }  # fmt: skip

    def has(self, step: Step) -> bool:
        """Return whether a step has anything to do with these data."""
        of_films = self.order.recipe in FILM_RECIPES
        if step.name == "test":
            return (self.order.data_dir / TEST_VIDEO).is_dir() if of_films else (self.order.data_dir / "test.csv").is_file()
        return step in steps_for(self.order.recipe)

    def do(self, step: Step) -> StepResult:
        """Do a step, unless it is up to date. Raises what its command would."""
        return self._work[step.name](step)

    def record_of(self, step: Step) -> str:
        """Return the name of a step's record.

        What is about a model, or lies in the results folder, has one for each results folder: two folders that train with other settings
        do not take each other's place. What is about a model has one for each recipe.
        """
        about_a_model = MODEL in (*step.reads, step.writes)
        if not about_a_model and step.writes not in self.order.places:
            return step.name
        place = fingerprint_of(str(self.order.results))[:8]
        return f"{step.name}-{self.order.recipe}-{place}" if about_a_model else f"{step.name}-{place}"

    def inputs_of(self, step: Step) -> list[str]:
        """Return the fingerprints of all on which a step's result depends."""
        of_command = {
            "gate": str(self.order.limits),
            "train": json.dumps({"recipe": self.order.recipe, **self.order.hyperparameters}, sort_keys=True),
            "report": self._note(),
        }.get(step.name, "")
        return [*map(self._fingerprint, step.reads), digest(files(*step.code)), " ".join(step.command_for(self.order.recipe)), of_command]

    def left_by(self, step: Step, facts: StepFacts) -> str:
        """Return a fingerprint of what a step has left."""
        if step.writes == MODEL:
            bucket, _, key = facts["model"].removeprefix("s3://").partition("/")
            return objects_fingerprint(self.s3, bucket, key)
        return file_fingerprint(self.order.places[step.writes]) if step.writes in self.order.places else ""

    def _fingerprint(self, what: str) -> str:
        if what == RAW:
            listed = [file_fingerprint(self.accepted / f"{split}.csv") for split in SPLITS]
            return fingerprint_of(objects_fingerprint(self.s3, self.chosen.bucket("raw")), *listed)
        if what == CURATED:
            return objects_fingerprint(self.s3, self.chosen.bucket("curated"), CURRENT_SNAPSHOT)
        return "" if what in (VERDICT, ANSWER) else file_fingerprint(self.order.places[what])

    def _once(self, step: Step, work: Callable[[], StepFacts]) -> tuple[StepFacts, bool]:
        return self.records.once(self.record_of(step), self.inputs_of(step), work, lambda facts: self.left_by(step, facts))

    def _ingest(self, step: Step) -> StepResult:
        done = s3_upload.upload(self.order.data_dir, self.chosen)
        n_sent, n_files = len(done.sent), len(done.plan.uploads)
        did = f"{n_sent} of {n_files} files sent" if n_sent else f"{n_files} files, all there already"
        lines = s3_upload.report_lines(done.plan)
        facts = {"put_aside": len(done.plan.put_aside)}
        return StepResult(step.label, did, n_bytes=done.bytes_sent, reused=not n_sent, facts=facts, lines=lines)

    def _etl(self, step: Step) -> StepResult:
        facts, needed = glue_job.run_job(self.chosen, glue_job.Order(force=self.order.force))
        self.accepted = accepted_recordings(
            self.order.data_dir, read_accepted(self.chosen.uri("curated"), facts["by_leave"]), self.order.results / "accepted"
        )
        n_anew = facts["curated_anew"] if needed else 0
        n_all = facts["videos"] + facts.get("films", 0)
        what = "recordings and films" if facts.get("films") else "recordings"
        did = f"{n_anew} of {n_all} {what} curated" + (f", {len(facts['put_aside'])} put aside" if facts["put_aside"] else "")
        lines = [*glue_job.balance_lines(facts), *glue_job.put_aside_lines(facts)]
        self.put_aside = len(facts["put_aside"])  # with those of the upload
        answer = {"put_aside": self.put_aside}
        return StepResult(step.label, did, facts["rows_out"], facts["bytes_out"], reused=not needed, facts=answer, lines=lines)

    def _quality(self, step: Step) -> StepResult:
        output = self.order.places[QUALITY]

        def work() -> StepFacts:
            self._run(step)
            return {}

        _, reused = self._once(step, work)
        return StepResult(step.label, "one page", n_bytes=output.stat().st_size, reused=reused, facts={"quality": str(output)})

    def _gate(self, step: Step) -> StepResult:
        def work() -> StepFacts:
            verdict = quality_gate.judge(self.order.limits, self.chosen)
            if not verdict.passed:
                mend = "Mend the data, or choose other limits with --limit"
                raise ContractError([f"Expected data within the limits of the gate, but got: {verdict.reason} {mend}."])
            return {"reason": verdict.reason}

        facts, reused = self._once(step, work)
        return StepResult(step.label, facts["reason"].rstrip("."), reused=reused)

    def _sql(self, step: Step) -> StepResult:
        name = Path(step.command_for(self.order.recipe)[-1]).stem
        facts, reused = self._once(step, lambda: {"rows": len(query(saved_query(name), self.chosen))})
        return StepResult(step.label, f"{name}.sql answered", rows=facts["rows"], reused=reused)

    def _train(self, step: Step) -> StepResult:
        order, checkpoint = self.order, self.order.places[MODEL]

        def work() -> StepFacts:
            request = sagemaker_train.TrainingRequest(order.recipe, order.hyperparameters)
            job = sagemaker_train.submit(request, self.chosen, wait=True)
            return {"job": job.training_job_name, "model": job.model_artifacts.s3_model_artifacts}

        facts, reused = self._once(step, work)
        self.job = facts["job"]
        sagemaker_train.download(facts["model"], checkpoint)
        return StepResult(step.label, order.recipe, n_bytes=checkpoint.stat().st_size, reused=reused)

    def _held_out(self, step: Step) -> StepResult:
        return self._infer(step, f"held-out {self._what()}")

    def _test(self, step: Step) -> StepResult:
        if self.order.recipe not in FILM_RECIPES and not (self.accepted / "test.csv").is_file():
            return StepResult(step.label, "no test recording was accepted")
        return self._infer(step, f"test {self._what()}")

    def _what(self) -> str:
        return "films" if self.order.recipe in FILM_RECIPES else "recordings"

    def _infer(self, step: Step, which: str) -> StepResult:
        output = self.order.places[step.writes]

        def work() -> StepFacts:
            self._run(step)
            return {"rows": sum(1 for _ in output.open()) - 1}

        facts, reused = self._once(step, work)
        return StepResult(step.label, which, facts["rows"], output.stat().st_size, reused=reused)

    def _score(self, step: Step) -> StepResult:
        def work() -> StepFacts:
            answer = self._run(step)
            with whole_file(self.order.places[SCORE]) as draft:
                draft.write_text(answer)
            return {name: json.loads(answer)[name] for name in ("score", "labs")}

        facts, reused = self._once(step, work)
        did = f"{facts['score']:.3f} over {len(facts['labs'])} labs"
        return StepResult(step.label, did, reused=reused, facts={"score": facts["score"]})

    def _note(self) -> str:
        says = f"{self.put_aside} recordings or files were put aside. python aws_pipeline/quarantine.py list says which, and why."
        return says if self.put_aside else ""

    def _report(self, step: Step) -> StepResult:
        output, note = self.order.places[REPORT], self._note()

        def work() -> StepFacts:
            self._run(step, *(("--note", note) if note else ()))
            return {}

        _, reused = self._once(step, work)
        return StepResult(step.label, "one page", n_bytes=output.stat().st_size, reused=reused, facts={"report": str(output)})

    def _register(self, step: Step) -> StepResult:
        def work() -> StepFacts:
            score = json.loads(self.order.places[SCORE].read_text())["score"]
            return {"version": register(self.job, self.chosen, serving_image(self.chosen), {"score": f"{score:.4f}"})}

        facts, reused = self._once(step, work)
        number = facts["version"].rpartition("/")[2]
        return StepResult(
            step.label, f"version {number} of {self.chosen.names.of('recognizers')}", reused=reused, facts={"version": number}
        )

    def _run(self, step: Step, *more: str) -> str:
        """Run the command of a step and return its output."""
        places = self.order.places
        words = {
            "accepted": self.accepted,
            "checkpoint": places[MODEL],
            "held_out": places[HELD_OUT],
            "submission": places[SUBMISSION],
            "report": places[REPORT],
            "quality": places[QUALITY],
            "title": self.order.data_dir.name,
        }
        path, *flags = step.command_for(self.order.recipe)
        return run_script(path, *(flag.format(**words) for flag in flags), *more)


def run_script(path: str, *arguments: object) -> str:
    """Run a script of this repository and return its output; its errors go to stderr. That something was put aside is no failure."""
    command = [sys.executable, str(REPOSITORY / path), *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (EXIT_OK, EXIT_PUT_ASIDE):
        raise JobFailed(f"Expected {path} to succeed, but got exit code {done.returncode}. Correct the error above.", done.returncode)
    return done.stdout
