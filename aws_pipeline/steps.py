"""The steps of the pipeline, declared once, as data.

aws_pipeline/pipeline.py runs them on this machine, --plan prices them, and infra/cloud/ makes the cloud's graph (a Step Functions state
machine) of those that have an action there. A step needs the steps that write what it reads: nobody types the order a second time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_pipeline.job_code import SERVING, TRAINING

RECORDINGS = "recordings on a disk"
RAW = "raw zone"
CURATED = "curated zone"
QUALITY = "page about the data"
VERDICT = "verdict on the data"
ANSWER = "answer of Athena"
MODEL = "model"
HELD_OUT = "bouts of held-out recordings"
SUBMISSION = "bouts of test recordings"
SCORE = "score"
REPORT = "report"
FILM_RECIPES = frozenset({"film_tcn", "embedding_tcn", "pain_cnn3d", "pain_cnn3d_light"})
"""Recipes that see films; all others see tracks. (training/recipes/ declares them, but the data tower does not import it.)"""
VERSION = "version of the model"


@dataclass(frozen=True)
class Step:
    """One step."""

    name: str
    """Its name in records, flags and graphs."""
    label: str
    """Its name for people; the number is that of the README."""
    does: str
    """What it does, in a few words."""
    command: tuple[str, ...]
    """The command that does this step alone: a script of this repository and its flags; {words} are filled in."""
    reads: tuple[str, ...]
    """What it reads."""
    writes: str
    """What it writes."""
    code: tuple[str, ...] = ()
    """Folders and files of this repository on which its result depends; it runs again when they change."""
    action: str = ""
    """The service integration that does it in the cloud's graph; empty for a step that has no place there."""
    only_here: str = ""
    """Why it has no action, if it has none."""
    of_films: tuple[str, ...] = ()
    """Its command for a recipe that sees films, if that is another one."""
    not_of_films: str = ""
    """Why it is left out for a recipe that sees films, if it is."""

    def command_for(self, recipe: str) -> tuple[str, ...]:
        """Return its command for a recipe."""
        return self.of_films if self.of_films and recipe in FILM_RECIPES else self.command


STEPS = (
    Step(
        name="ingest",
        label="1 ingest",
        does="upload recordings",
        command=("aws_pipeline/s3_upload.py", "--data-dir", "{data_dir}"),
        reads=(RECORDINGS,),
        writes=RAW,
        only_here="recordings lie on somebody's disk; the upload is what starts the graph",
    ),
    Step(
        name="etl",
        label="2 ETL",
        does="curate what is new or changed",
        command=("aws_pipeline/glue_etl.py",),
        reads=(RAW,),
        writes=CURATED,
        action="glue:startJobRun.sync",
    ),
    Step(
        name="quality",
        label="2 quality",
        does="write a page about the data",
        command=("aws_pipeline/quality_report.py", "--output", "{quality}"),
        reads=(CURATED,),
        writes=QUALITY,
        code=("aws_pipeline/quality_report.py", "reports"),
        only_here="a page for a person; the dashboard shows the same numbers there",
    ),
    Step(
        name="gate",
        label="2 gate",
        does="stop if the data are not good enough to learn from",
        command=("aws_pipeline/quality_gate.py",),
        reads=(CURATED,),
        writes=VERDICT,
        code=("aws_pipeline/quality_gate.py", "aws_pipeline/sql/gates"),
        action="athena:startQueryExecution.sync",
    ),
    Step(
        name="sql",
        label="3 SQL",
        does="count bouts of each behavior",
        command=("aws_pipeline/athena.py", "--file", "aws_pipeline/sql/class_imbalance.sql"),
        reads=(CURATED,),
        writes=ANSWER,
        of_films=("aws_pipeline/athena.py", "--file", "aws_pipeline/sql/film_behaviors.sql"),
        code=(
            *("aws_pipeline/athena.py", "aws_pipeline/answer_rows.py"),
            *("aws_pipeline/sql/class_imbalance.sql", "aws_pipeline/sql/film_behaviors.sql"),
        ),
        only_here="a question of a person; the dashboard asks it there",
    ),
    Step(
        name="train",
        label="4 train",
        does="train a recognizer",
        command=("aws_pipeline/sagemaker_train.py", "--recipe", "{recipe}", "--output-dir", "{results}"),
        reads=(CURATED, VERDICT),
        writes=MODEL,
        code=TRAINING,
        action="sagemaker:createTrainingJob.sync",
    ),
    Step(
        name="held_out",
        label="5 infer",
        does="recognize held-out recordings",
        command=(
            *("inference/make_submission.py", "--data-dir", "{accepted}", "--checkpoint", "{checkpoint}"),
            *("--output", "{held_out}", "--held-out"),
        ),
        of_films=(
            *("inference/recognize.py", "--data-dir", "{accepted}", "--checkpoint", "{checkpoint}"),
            *("--output", "{held_out}", "--held-out", "--quiet"),
        ),
        reads=(RAW, MODEL),
        writes=HELD_OUT,
        code=SERVING,
        only_here="the job that scores recognizes them first",
    ),
    Step(
        name="test",
        label="5 infer",
        does="recognize test recordings",
        command=(
            *("inference/make_submission.py", "--data-dir", "{accepted}", "--checkpoint", "{checkpoint}"),
            *("--output", "{submission}"),
        ),
        of_films=(
            *("inference/recognize.py", "--data-dir", "{accepted}", "--checkpoint", "{checkpoint}"),
            *("--output", "{submission}", "--quiet"),
        ),
        reads=(RAW, MODEL),
        writes=SUBMISSION,
        code=SERVING,
        only_here="only an approved version is used there: sagemaker_deploy.py transform",
    ),
    Step(
        name="score",
        label="6 score",
        does="score on recordings that training never saw",
        command=(
            *("inference/evaluate.py", "--solution", "{accepted}/train.csv", "--submission", "{held_out}"),
            *("--unseen-by", "{checkpoint}", "--json"),
        ),
        of_films=(
            *("inference/evaluate.py", "--films", "{accepted}", "--submission", "{held_out}"),
            *("--unseen-by", "{checkpoint}", "--json"),
        ),
        reads=(RAW, MODEL, HELD_OUT),
        writes=SCORE,
        code=SERVING,
        action="sagemaker:createTrainingJob.sync",
    ),
    Step(
        name="report",
        label="7 report",
        does="write a page for people",
        command=(
            *("inference/report.py", "--data-dir", "{accepted}", "--checkpoint", "{checkpoint}", "--output", "{report}"),
            *("--title", "{title}"),
        ),
        reads=(RAW, MODEL),
        writes=REPORT,
        code=SERVING,
        only_here="it is for the person who looks at the recordings",
        not_of_films="training/cross_validate.py writes the page about a recipe of films",
    ),
    Step(
        name="register",
        label="8 register",
        does="make a version of the model that waits for approval",
        command=("aws_pipeline/sagemaker_deploy.py", "register", "{job}"),
        reads=(MODEL, SCORE),
        writes=VERSION,
        action="aws-sdk:sagemaker:createModelPackage",
    ),
)
"""All steps, each behind those that it needs."""


def steps_for(recipe: str) -> tuple[Step, ...]:
    """Return the steps of a recipe, in order."""
    return tuple(one for one in STEPS if not (one.not_of_films and recipe in FILM_RECIPES))


def step(name: str) -> Step:
    """Return the step of this name."""
    return next(one for one in STEPS if one.name == name)


def needs(one: Step, steps: Sequence[Step] = STEPS) -> tuple[Step, ...]:
    """Return the steps that write what a step reads, in order."""
    return tuple(other for other in steps if other.writes in one.reads)


def cloud_steps(steps: Sequence[Step] = STEPS) -> tuple[Step, ...]:
    """Return the steps of the cloud's graph, in order."""
    return tuple(one for one in steps if one.action)


def cloud_needs(one: Step, steps: Sequence[Step] = STEPS) -> tuple[Step, ...]:
    """Return the steps of the cloud's graph that a step needs: for one that runs only here, those that it needs itself."""
    found: list[Step] = []
    for other in needs(one, steps):
        found += [other] if other.action else cloud_needs(other, steps)
    return tuple(each for each in steps if each in found)
