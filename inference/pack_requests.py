"""Write the recordings of a data directory as requests for an endpoint or a batch transform job, one file for each recording.

    python inference/pack_requests.py --data-dir data --output requests

It reads <data-dir>/test.csv and test_tracking/, and writes <output>/<video>.parquet, which aws_pipeline/sagemaker_deploy.py sends.
Exit codes: 0 written, 1 something unexpected, 2 usage, 4 input breaks its contract (all faults are listed), 130 interrupted.
"""

import argparse
import csv
import io
import os
import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, exit_code, refuse
from behavior.whole_file import whole_file
from inference.recording_files import DATA_DIR, recordings_of_test_csv


def main(arguments: list[str] | None = None) -> int:
    """Write the requests; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _pack(flags))


def _pack(flags: argparse.Namespace) -> int:
    from inference.request_body import pack

    files = recordings_of_test_csv(flags.data_dir)
    refuse(files.faults())
    rows = _rows_by_video(flags.data_dir / "test.csv")
    for recording in files.recordings:
        with whole_file(flags.output / f"{recording.video_id}.parquet") as draft:
            draft.write_bytes(pack(rows[recording.video_id], files.file(recording)))
    print(f"Wrote {len(files.recordings)} requests to {flags.output}.")
    return EXIT_OK


def _rows_by_video(path: Path) -> dict[int, str]:
    """Return header and row of each video, as CSV."""
    texts = {}
    for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))):
        named = {name.strip(): value for name, value in row.items() if name is not None}
        text = io.StringIO()
        writer = csv.DictWriter(text, named)
        writer.writeheader()
        writer.writerow(named)
        texts[int(named["video_id"])] = text.getvalue()
    return texts


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    default = Path(os.environ.get("MABE_DATA_DIR") or DATA_DIR)
    parser.add_argument("--data-dir", type=Path, default=default, help="raw data directory (or MABE_DATA_DIR; default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("requests"), help="folder for the requests (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
