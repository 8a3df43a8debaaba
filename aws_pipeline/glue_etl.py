"""Step 2: curate. Raw zone -> curated zone, as a Glue job.

    python aws_pipeline/glue_etl.py [--policy FILE] [--plan | --explain | --force] [--max-cost USD] [--max-bytes N] [--keep-days N]
                                                   for users: start a run of the deployed job and follow it to its end
    glue_etl.py --JOB_NAME J --RAW_URI s3://raw-zone --CURATED_URI s3://curated-zone --DATABASE mabe [--POLICY_URI s3://.../x.toml]
                [--SUMMARY_URI s3://.../x.json]    for Glue, on this disk or on AWS: the run itself

Reads   metadata/{train,test}.csv, {train,test}_tracking/lab_id=<lab>/<video>.parquet and train_annotation/... of the raw zone; films,
        their labels and embeddings: film/, film_annotation/, film_embedding/, metadata/films.toml, metadata/individuals.csv.
Writes  the tables of the curated zone, which are Iceberg tables: tracking_curated, annotations_enriched and film_labels (one object per
        recording or film and version), metadata_train, metadata_test, class_distribution_stats, video_manifest, lineage, runs; copies of
        the films in films/; snapshots/ with the lists of their objects; quarantine/reasons/.

Only recordings that are new or changed are curated: --explain says why each one is or is not. A changed recording replaces its rows,
a removed one removes them. Readers see the old state of a table until its commit, and then the new one. Two runs at once both end well:
the second to commit plans anew. A killed run leaves nothing that a reader sees, and the next run uses what it has written.

A recording that breaks its contract goes to quarantine with its reasons, and all others are curated: one bad file does not stop the
run. See python aws_pipeline/quarantine.py list. A policy (default: MABE_POLICY) changes the severity of fault codes; python
aws_pipeline/validate.py --codes lists the codes and the possible changes. Only a fault of the whole data set refuses the run: a broken
train.csv or test.csv, or no sound recording in train.csv.

Spark distributes recordings, not rows: a task reads whole objects, calls the same `curate` as serving, and writes whole objects. If little
is due, the driver does the same without Spark. A run that is refused changes no table.

Exit codes: 0 all curated (except what a person excluded), 1 unexpected, 2 usage, configuration or a full disk, 3 finished, but
            something was put aside, 4 the data set breaks its contract or the run failed, 5 AWS refuses. For Glue, a run that ends
            with 3 has succeeded.
"""

import argparse
import gc
import json
import sys
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

if not __package__ and "--JOB_NAME" not in sys.argv:  # in Glue, the packages are in a library
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.curation_options import LITTLE_BYTES, Options
from aws_pipeline.spark_setup import spark_context
from behavior.contract import EXIT_CONTRACT, EXIT_OK, ContractError


class _RefusedRun(SystemExit):
    """Ends the process with the exit code of its faults; Glue reports its text as the error of the run."""

    def __init__(self, error: ContractError) -> None:
        super().__init__(f"ContractError: {error}")
        self.code = EXIT_CONTRACT


def _options(arguments: Sequence[str]) -> Options:
    """Read the arguments of a Glue job: `--NAME value`; other arguments are ignored."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    for name in ("JOB_NAME", "RAW_URI", "CURATED_URI", "DATABASE"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--POLICY_URI")
    parser.add_argument("--SUMMARY_URI")
    parser.add_argument("--CODE", default="")
    parser.add_argument("--KEEP_DAYS", type=float, default=0.0)
    parser.add_argument("--DUE_BYTES", type=int)
    parser.add_argument("--LITTLE_BYTES", type=int, default=LITTLE_BYTES)
    parser.add_argument("--FORCE", choices=("true", "false"), default="false")
    known, _ = parser.parse_known_args(arguments)
    places = known.RAW_URI.rstrip("/"), known.CURATED_URI.rstrip("/"), known.DATABASE, known.POLICY_URI, known.SUMMARY_URI
    return Options(*places, known.CODE, known.KEEP_DAYS, known.FORCE == "true", known.DUE_BYTES, known.LITTLE_BYTES)


def main() -> int:
    """Run the job if Glue starts this script, else start a run of the deployed job."""
    if "--JOB_NAME" not in sys.argv:
        from aws_pipeline.glue_job import main as start_and_follow

        return start_and_follow(__doc__)
    options = _options(sys.argv[1:])
    with ThreadPoolExecutor(1) as aside:
        if options.may_need_spark:
            aside.submit(spark_context)  # a JVM starts while Python imports all the rest, and while the run prepares
        from aws_pipeline.curation_run import run_curation, write_status

        gc.freeze()  # what is imported stays; Python need not look for garbage there, neither now nor before it ends
        try:
            summary = run_curation(options)
        except ContractError as error:
            write_status(options, {"faults": [asdict(fault) for fault in error.faults]})
            traceback.print_exc()
            raise _RefusedRun(error) from None
        write_status(options, summary)
    print(json.dumps(summary), flush=True)
    return EXIT_OK


if __name__ == "__main__":
    if code := main():  # Glue counts every SystemExit as a failure, also that of sys.exit(0)
        sys.exit(code)
