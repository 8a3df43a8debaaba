"""All steps with one command: from recordings on a disk to a score, and a report, on recordings that training never saw.

    python aws_pipeline/pipeline.py [--data-dir D | --sample] [--recipe cnn_transformer_small] [--limit NAME=NUMBER] [--force]
    python aws_pipeline/pipeline.py --plan [--max-cost USD]        only say what each step would do, how long it takes, what it costs

Reads   the recordings in D (default: MABE_DATA_DIR), or, with a recipe of films such as film_tcn, its films; with --sample, simulated
        recordings.
Writes  the raw and the curated zone, a model and a version of it that waits for approval, and results/<name of D>/: the checkpoint,
        submissions, score.json, two pages for people (quality.html about the data, report.html about the recognizer), summary.json.

The steps are those of aws_pipeline/steps.py, from which the cloud's graph is made, too. A recording that breaks its contract is put
aside by the upload or the ETL, and all steps go on with the accepted ones: recognizing and scoring read them from
results/<name of D>/accepted, which has their metadata and links to their files. The gate stops the run, with its reasons, if the data
are beyond a limit (python aws_pipeline/quality_gate.py --help).

The ETL asks the lake what is new or changed. Any other step whose inputs and code are what they were when it last succeeded, and all
that it left is there unchanged, is not run again and says so. Inputs are objects by their ETags and files by their content.

Exit codes: 0 all done, 1 unexpected, 2 usage, configuration, a full disk, or more than --max-cost, 3 finished, but something was put
            aside (python aws_pipeline/quarantine.py list says what and why), 4 the data set breaks its contract, the gate stopped the
            run, or a job failed, 5 AWS refuses.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import Settings, add_policy_flag, endpoint, policy_text, settings, with_policy
from aws_pipeline.pipeline_order import PipelineOrder, StepResult
from aws_pipeline.pipeline_plan import PlanOrder, plan_lines, planned, refuse_above_limit
from aws_pipeline.quality_gate import add_limit_flag, limits_of
from aws_pipeline.step_work import StepWork, run_script
from aws_pipeline.steps import FILM_RECIPES, STEPS, step
from aws_pipeline.terminal import run, size
from aws_pipeline.training_request import TrainingRequest
from behavior.contract import EXIT_OK, EXIT_PUT_ASIDE, UsageError
from behavior.whole_file import whole_file
from behavior.workplace import WORKPLACE

SAMPLE_DIR = WORKPLACE / "data" / "sample"
RESULTS = WORKPLACE / "results"


def run_pipeline(order: PipelineOrder, chosen: Settings, on_step: Callable[[StepResult], None]) -> list[StepResult]:
    """Run every step that is not up to date; call `on_step` after each step; return the results of all."""
    import boto3

    order.results.mkdir(parents=True, exist_ok=True)
    results: list[StepResult] = []
    with endpoint(chosen):
        work = StepWork(order, chosen, boto3.client("s3"))
        for one in filter(work.has, STEPS):
            started = time.monotonic()
            done = work.do(one)
            done.seconds = round(time.monotonic() - started, 1)
            results.append(done)
            on_step(done)
    return results


def _make_sample(folder: Path) -> None:
    print(run_script("aws_pipeline/sample_data.py", "--data-dir", folder).rstrip(), flush=True)


@contextmanager
def _sample_to_plan() -> Iterator[Path]:
    """Yield the folder of the simulated recordings; if nobody has made them yet, one with the same, which is removed afterwards."""
    if (SAMPLE_DIR / "train.csv").is_file():
        yield SAMPLE_DIR
        return
    with TemporaryDirectory() as folder:
        _make_sample(Path(folder) / SAMPLE_DIR.name)
        yield Path(folder) / SAMPLE_DIR.name


def _print_step(done: StepResult) -> None:
    mark = "up to date" if done.reused else f"{done.seconds:.1f} s"
    print(f"{done.name:<10} {done.did}, {mark}", flush=True)
    for line in done.lines:
        print(f"{'':<11}{line}", flush=True)


def _summary(steps: list[StepResult], order: PipelineOrder, chosen: Settings) -> str:
    lines = ["", f"{'step':<10} {'what':<38} {'rows':>11} {'bytes':>9} {'seconds':>8}"]
    for one in steps:
        rows = "" if one.rows is None else f"{one.rows:,}"
        n_bytes = "" if one.n_bytes is None else size(one.n_bytes)
        seconds = "ready" if one.reused else f"{one.seconds:.1f}"
        lines.append(f"{one.name:<10} {one.did[:38]:<38} {rows:>11} {n_bytes:>9} {seconds:>8}")
    known = {name: fact for one in steps for name, fact in one.facts.items()}
    lines += [
        "",
        f"score     {known['score']:.3f} on recordings that training never saw; 1 is perfect",
        f"version   {known['version']}; approve it: python aws_pipeline/sagemaker_deploy.py approve {known['version']}",
        f"lake      {chosen.uri('raw')}, {chosen.uri('curated')} ({chosen.place})",
        f"results   {order.results}",
        f"quality   {known['quality']}",
        f"report    {known['report']}" if "report" in known else f"report    {step('report').not_of_films}",
    ]
    return "\n".join(lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--data-dir", type=Path, help="recordings (default: MABE_DATA_DIR, else data/ in the repository)")
    source.add_argument("--sample", action="store_true", help="simulated recordings of several labs, made in data/sample")
    parser.add_argument("--recipe", default="cnn_transformer_small", help="recipe to train (default: %(default)s)")
    parser.add_argument("--epochs", type=int, help="train this many epochs at most (default: the recipe's)")
    parser.add_argument("--results-dir", type=Path, help="folder for results (default: results/<name of the data directory>)")
    add_policy_flag(parser)
    add_limit_flag(parser)
    parser.add_argument("--force", action="store_true", help="run every step, also those that are up to date")
    parser.add_argument("--plan", action="store_true", help="only say what each step would do, its time and its price; change nothing")
    parser.add_argument("--max-cost", type=float, metavar="USD", help="refuse a run that may cost more on AWS, on demand")
    parser.add_argument("--train-hours", type=float, default=1.0, help="hours of training that a plan counts on (default: %(default)s)")
    machine = TrainingRequest.instance_type
    parser.add_argument("--instance-type", default=machine, help="machine for training that a plan counts on (default: %(default)s)")
    return parser.parse_args()


def _main() -> int:
    """Parse the command line, plan or run all steps, and print one summary."""
    arguments = _arguments()
    limits = limits_of(arguments.limit)
    chosen = with_policy(settings(), arguments.policy)
    policy_text(chosen)
    data_dir = SAMPLE_DIR if arguments.sample else (arguments.data_dir or chosen.data_dir).resolve()
    results = (arguments.results_dir or RESULTS / data_dir.name).resolve()
    hyperparameters = {} if arguments.epochs is None else {"epochs": arguments.epochs}
    order = PipelineOrder(data_dir, results, arguments.recipe, hyperparameters, arguments.force, limits)
    if not arguments.sample:
        order.refuse_unfit()
    elif arguments.recipe in FILM_RECIPES:
        what = f"Expected a recipe of tracks with --sample, which simulates recordings, but got {arguments.recipe}"
        raise UsageError(f"{what}. Simulate films with python aws_pipeline/sample_films.py, and name their folder with --data-dir.")
    if arguments.plan or arguments.max_cost is not None:
        counted = PlanOrder(arguments.instance_type, arguments.train_hours)
        with _sample_to_plan() if arguments.sample else nullcontext(data_dir) as read:
            plan = planned(replace(order, data_dir=read), chosen, counted)
        if arguments.plan:
            print("\n".join(plan_lines(plan)))
        refuse_above_limit(plan, arguments.max_cost)
        if arguments.plan:
            return EXIT_OK
    if arguments.sample:
        _make_sample(SAMPLE_DIR)
    steps = run_pipeline(order, chosen, _print_step)
    with whole_file(results / "summary.json") as draft:
        draft.write_text(json.dumps([asdict(one) for one in steps], indent=1, default=str))
    print(_summary(steps, order, chosen))
    return EXIT_PUT_ASIDE if any(one.facts.get("put_aside") for one in steps) else EXIT_OK


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
