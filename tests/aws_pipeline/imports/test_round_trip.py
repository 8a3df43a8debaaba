"""What this project exports is read again, equal, by its own imports: they meet in files only."""

import pandas as pd
import pytest

from aws_pipeline.imports.bout_formats import read_observations
from aws_pipeline.imports.bout_rows import BOUT_COLUMNS, BoutChoices, Place, annotate
from behavior.recording import Triple

exports = pytest.importorskip("inference.exports.tidy_bouts", reason="the exports are not in this checkout")

FPS = {7: 29.97, 8: 120.0}
BOUTS = {
    7: [("mouse1", "mouse2", "sniff", 100, 131), ("mouse1", "mouse2", "attack", 131, 132), ("mouse2", "self", "rear", 120, 500)],
    8: [("mouse2", "mouse1", "sniff", 0, 1), ("mouse2", "mouse1", "sniff", 1, 7), ("mouse1", "self", "my own", 3, 900)],
}
LOOKED_FOR = {
    7: ("mouse1,mouse2,attack", "mouse1,mouse2,sniff", "mouse2,self,dig", "mouse2,self,rear"),
    8: ("mouse1,self,my own", "mouse2,mouse1,attack", "mouse2,mouse1,sniff"),
}
NAMES = {7: "cage1_day2", 8: "souris é 2"}


def tidy():
    rows = [
        [NAMES[video], video, "MyLab", *bout, bout[3] / FPS[video], bout[4] / FPS[video], float("nan"), "Ada"]
        for video, bouts in BOUTS.items()
        for bout in bouts
    ]
    films = {video: exports.Film(NAMES[video], "MyLab", FPS[video], 1000, f"{NAMES[video]}.mp4", LOOKED_FOR[video]) for video in BOUTS}
    return exports.TidyBouts(pd.DataFrame(rows, columns=exports.COLUMNS), films, True)


def written(kind, folder):
    from inference.exports import to_boris, to_competition, to_elan, to_nwb, to_sleap, to_table

    if kind == "submission":
        to_competition.write_competition(tidy(), folder / "submission.csv")
        return [folder / "submission.csv"]
    writers = {
        "csv": to_table.write_csv_table,
        "parquet": to_table.write_parquet_table,
        "boris": to_boris.write_boris_project,
        "tsv": to_boris.write_boris_events,
        "slp": to_sleap.write_sleap,
    }
    if kind in writers:
        writers[kind](tidy(), folder / f"bouts.{kind}")
        return [folder / f"bouts.{kind}"]
    return {"eaf": to_elan.write_elan, "nwb": to_nwb.write_nwb}[kind](tidy(), folder)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["csv", "parquet", "submission", "boris", "tsv", "eaf", "nwb", "slp"])
def test_an_export_is_imported_equal(tmp_path, kind):
    observations = [one for path in written(kind, tmp_path) for one in read_observations(path)]
    assert len(observations) == len(BOUTS)
    says_what_was_looked_for = kind not in ("csv", "parquet", "submission", "slp")
    for video, bouts in BOUTS.items():
        name = str(video) if kind == "submission" else NAMES[video]  # the competition knows numbers only
        (own,) = [one for one in observations if name in (one.name, *(film.name.removesuffix(".mp4") for film in one.films))]
        place = Place(NAMES[video], FPS[video], range(0, 1000), {1: "", 2: ""})
        choices = BoutChoices() if says_what_was_looked_for else BoutChoices(annotated=("in-file",), self_behaviors=("my own",))
        found = annotate(own, place, choices, kind)
        expected = {(int(agent[-1]), int(agent[-1] if target == "self" else target[-1]), *rest) for agent, target, *rest in bouts}
        assert {tuple(row.values()) for row in found.rows.select(BOUT_COLUMNS).to_pylist()} == expected
        assert len(found.rows) == len(bouts)
        if says_what_was_looked_for:
            texts = [triple.replace("self", triple.split(",")[0]).replace("mouse", "").split(",") for triple in LOOKED_FOR[video]]
            assert set(found.annotated) == {Triple(int(agent), int(target), behavior) for agent, target, behavior in texts}
