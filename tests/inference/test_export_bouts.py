"""Exports, read back by the other side's own library, or compared with its own files.

CalMS21_task2, video 101 to 104: simulated, 30 frames a second. The bouts that leave must be those that came in, frame by frame.
"""

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from simulated_lake import Lake
from small_recognizer import PROVENANCE, random_arena_recognizer, random_recognizer

from behavior.contract import EXIT_CONTRACT, EXIT_OK, EXIT_USAGE
from behavior.observed import annotated_by_experts
from behavior.recording import Recording, Triple
from inference import export_bouts, recognize
from inference.bout_sources import EXPERTS, BoutSource, read_source
from inference.exports.tidy_bouts import COLUMNS, TidyBouts, tidy
from inference.exports.to_boris import project
from recognizers.checkpoint import save

FORMATS_OF_OTHERS = Path(__file__).resolve().parents[3] / "shared" / "formats"
Key = tuple[str, str | None, str | None, str, int, int]


def run(*flags: object) -> int:
    return export_bouts.main([str(flag) for flag in flags])


@pytest.fixture(scope="module")
def predicted(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("predicted")
    save(folder / "pairs.safetensors", random_recognizer(("attack", "mount", "sniff"), threshold=0.3), PROVENANCE)
    flags = ["--data-dir", lake.raw, "--checkpoint", folder / "pairs.safetensors", "--held-out", "--device", "cpu"]
    assert recognize.main([str(flag) for flag in [*flags, "--output", folder / "bouts.parquet"]]) == EXIT_OK
    return folder / "bouts.parquet"


@pytest.fixture(params=["annotated", "predicted"])
def bouts(request: pytest.FixtureRequest, lake: Lake, predicted: Path) -> tuple[list[object], TidyBouts]:
    """The flags that choose the bouts, and the bouts."""
    path = predicted if request.param == "predicted" else None
    source = tidy(read_source(path, lake.raw), lake.raw)
    assert len(source.bouts) > 4
    return ["--data-dir", lake.raw, *(["--bouts", path] if path else [])], source


def keys(source: TidyBouts) -> list[Key]:
    rows = source.bouts[["recording", "agent", "target", "behavior", "start_frame", "stop_frame"]]
    return sorted((*row[:4], int(row[4]), int(row[5])) for row in rows.itertuples(index=False))


def test_tidy_tables_have_frames_seconds_and_the_source(bouts, tmp_path: Path) -> None:
    flags, source = bouts
    for name in ("b.csv", "b.parquet"):
        assert run(*flags, "--output", tmp_path / name) == EXIT_OK
    as_csv = pd.read_csv(tmp_path / "b.csv", dtype={"recording": str})
    assert list(as_csv) == pq.read_table(tmp_path / "b.parquet").column_names == COLUMNS
    assert sorted(
        tuple(row) for row in as_csv[["recording", "agent", "target", "behavior", "start_frame", "stop_frame"]].to_numpy()
    ) == keys(source)
    assert as_csv["start_s"].round(9).tolist() == (as_csv["start_frame"] / 30).round(9).tolist()
    assert set(as_csv["source"]) == {EXPERTS if source.by_person else "test"}
    assert as_csv["confidence"].isna().all() == source.by_person
    assert set(as_csv["target"]) <= {"mouse1", "mouse2", "self"}


def test_boris_finds_starts_and_stops_of_state_behaviors(bouts, tmp_path: Path) -> None:
    flags, source = bouts
    assert run(*flags, "--output", tmp_path / "b.boris") == EXIT_OK
    content = json.loads((tmp_path / "b.boris").read_text())
    found = []
    for name, observation in content["observations"].items():
        (media,) = observation["file"]["1"]
        fps = observation["media_info"]["fps"][media]
        open_bouts: dict[tuple[str, ...], float] = {}
        for time, subject, behavior, modifier, _ in observation["events"]:  # an event of a state starts it or stops it, in turn
            state = (subject, behavior, modifier)
            if state in open_bouts:
                found.append((name, subject, modifier, behavior, round(open_bouts.pop(state) * fps), round(time * fps)))
            else:
                open_bouts[state] = time
        assert not open_bouts
        assert json.loads(observation["description"]) == list(source.films[int(name)].looked_for)
    assert sorted(found) == keys(source)
    behaviors = {one["code"]: one for one in content["behaviors_conf"].values()}
    assert set(behaviors) >= set(source.bouts["behavior"])
    assert all(one["type"] == "State event" for one in behaviors.values())
    assert set(behaviors["sniff"]["modifiers"]["0"]["values"]) == {"mouse2"}


def test_a_project_has_the_layout_of_one_that_boris_wrote(bouts) -> None:
    path = FORMATS_OF_OTHERS / "boris_project.boris"
    if not path.is_file():
        pytest.skip(f"BORIS's own project is not in {path.parent}")
    theirs, ours = json.loads(path.read_text()), project(bouts[1], "bouts")
    assert set(theirs) == set(ours)
    assert ours["project_format_version"] == theirs["project_format_version"]
    (their_observation,) = [one for name, one in theirs["observations"].items() if name == "observation #1"]
    our_observation = next(iter(ours["observations"].values()))
    assert set(their_observation) == set(our_observation)
    assert set(their_observation["media_info"]) == set(our_observation["media_info"])
    for part in ("subjects_conf", "behaviors_conf"):
        assert set(theirs[part]["0"]) == set(ours[part]["0"])
    with_modifiers = next(one for one in theirs["behaviors_conf"].values() if one["modifiers"])
    assert set(with_modifiers["modifiers"]["0"]) <= set(ours["behaviors_conf"]["0"]["modifiers"]["0"])
    assert [type(part) for part in their_observation["events"][0]] == [type(part) for part in our_observation["events"][0]]


@pytest.mark.parametrize("name", ["b.tsv", "b.csv"])
def test_tabular_events_are_those_of_boris(bouts, tmp_path: Path, name: str) -> None:
    flags, source = bouts
    assert run(*flags, "--format", "boris-events", "--output", tmp_path / name) == EXIT_OK
    text = (tmp_path / name).read_text()
    rows = list(csv.reader(io.StringIO(text), delimiter="," if name.endswith(".csv") else "\t"))
    assert len({len(row) for row in rows}) == 1
    starts = [number for number, row in enumerate(rows) if row[0] == "Time"]
    assert len(starts) == len(source.films)
    theirs = FORMATS_OF_OTHERS / "boris_events.tsv"
    if theirs.is_file():
        lines = [line.split("\t") for line in theirs.read_text().splitlines()]
        their_names = [line[0] for line in lines if line[0] and line[0] not in ("a", "b", "c") and not line[0][0].isdigit()]
        our_names = [row[0] for row in rows[: starts[0] + 1] if row[0]]
        assert our_names == their_names
        header = next(line for line in lines if line[0] == "Time")
        assert [column for column in rows[starts[0]] if column != "Modifier 1"] == header
    statuses = [row[-1] for row in rows if row[-1] in ("START", "STOP")]
    assert statuses.count("START") == statuses.count("STOP") == len(source.bouts)


def test_elan_is_read_by_pympi(bouts, tmp_path: Path) -> None:
    from pympi.Elan import Eaf

    flags, source = bouts
    assert run(*flags, "--format", "elan", "--output", tmp_path / "elan") == EXIT_OK
    found = []
    for film in source.films.values():
        document = Eaf(str(tmp_path / "elan" / f"{film.name}.eaf"))
        assert sorted(document.get_tier_names()) == sorted(film.looked_for), "also tiers of what was never seen"
        for tier in document.get_tier_names():
            agent, target, behavior = tier.split(",")
            assert document.get_parameters_for_tier(tier)["PARTICIPANT"] == agent
            for start_ms, stop_ms, value in document.get_annotation_data_for_tier(tier):
                assert value == behavior
                found.append((film.name, agent, target, behavior, round(start_ms / 1000 * film.fps), round(stop_ms / 1000 * film.fps)))
    assert sorted(found) == keys(source)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_nwb_is_read_by_pynwb_and_valid(bouts, tmp_path: Path) -> None:
    from pynwb import NWBHDF5IO, validate

    flags, source = bouts
    assert run(*flags, "--format", "nwb", "--output", tmp_path / "nwb") == EXIT_OK
    found = []
    for film in source.films.values():
        path = tmp_path / "nwb" / f"{film.name}.nwb"
        assert not validate(path=str(path))
        with NWBHDF5IO(path, "r") as file:
            module = file.read().processing["behavior"]
            table = module["bouts"]
            rows = table.to_dataframe()
            assert table.labeling_method == ("manual" if source.by_person else "automated")
            assert json.loads(table.parameters)["looked_for"] == list(film.looked_for)
            assert list(table.ethogram["behavior"][:]) == sorted({one.split(",")[-1] for one in film.looked_for})
            assert rows["confidence"].isna().all() == source.by_person
        for row in rows.itertuples(index=False):
            found.append((film.name, row.agent, row.target, row.label, round(row.start_time * film.fps), round(row.stop_time * film.fps)))
    assert sorted(found) == keys(source)


def test_sleap_events_are_read_by_sleap_io(bouts, tmp_path: Path) -> None:
    import sleap_io

    flags, source = bouts
    assert run(*flags, "--output", tmp_path / "b.slp") == EXIT_OK
    labels = sleap_io.load_slp(str(tmp_path / "b.slp"), open_videos=False)
    found = [
        (
            Path(event.video.filename).stem,
            event.subject.name,
            event.target.name if event.target else "self",
            event.type.name,
            event.start_frame,
            event.end_frame + 1,
        )
        for event in labels.events
    ]
    assert sorted(found) == keys(source)
    kind = sleap_io.UserEvent if source.by_person else sleap_io.PredictedEvent
    assert all(isinstance(event, kind) for event in labels.events)
    assert {one.name for one in labels.event_types} == {one.split(",")[-1] for film in source.films.values() for one in film.looked_for}


def test_a_submission_is_that_of_the_competition(lake: Lake, predicted: Path, tmp_path: Path) -> None:
    flags = ["--data-dir", lake.raw, "--bouts", predicted, "--format", "competition", "--output", tmp_path / "submission.csv"]
    assert run(*flags) == EXIT_OK
    rows = pd.read_csv(tmp_path / "submission.csv")
    assert list(rows) == ["row_id", "video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame"]
    assert rows["row_id"].tolist() == list(range(len(rows)))
    assert len(rows) == pq.read_metadata(predicted).num_rows


def test_bouts_that_name_no_mouse_are_exported_where_a_format_allows_it(lake: Lake, tmp_path: Path, capsys) -> None:
    save(tmp_path / "groups.safetensors", random_arena_recognizer(), PROVENANCE)
    flags = ["--data-dir", lake.raw, "--checkpoint", tmp_path / "groups.safetensors", "--held-out", "--device", "cpu"]
    assert recognize.main([str(flag) for flag in [*flags, "--output", tmp_path / "g.parquet"]]) == EXIT_OK
    count = pq.read_metadata(tmp_path / "g.parquet").num_rows
    chosen = ["--data-dir", lake.raw, "--bouts", tmp_path / "g.parquet"]
    for name in ("g.boris", "g.slp", "g.csv"):
        assert run(*chosen, "--output", tmp_path / name) == EXIT_OK
    for name in ("elan", "nwb"):
        assert run(*chosen, "--format", name, "--output", tmp_path / name) == EXIT_OK
    events = [event for one in json.loads((tmp_path / "g.boris").read_text())["observations"].values() for event in one["events"]]
    assert len(events) == 2 * count
    assert {event[1] for event in events} == {""}
    assert run(*chosen, "--format", "competition", "--output", tmp_path / "s.csv") == EXIT_CONTRACT
    assert "Expected bouts that name agent and target" in capsys.readouterr().err


@pytest.mark.parametrize("fps", [10.0, 24.975, 29.97, 120.0, 600.0])
def test_frames_survive_the_clock_of_each_format(fps: float, tmp_path: Path) -> None:
    """Bouts of one frame in a film of hours: BORIS has seconds with three digits (more for fast cameras), ELAN milliseconds."""
    from pympi.Elan import Eaf

    from inference.exports.to_elan import write_elan

    starts = [0, 1, 2, 333_331, 1_234_567]
    recording = Recording("A", 7, fps, 10.0, 400, 200, annotated=(Triple(1, 1, "rear"),))
    rows = pd.DataFrame(
        [(7, 1, 1, "rear", start, start + 1) for start in starts],
        columns=["video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame"],
    )
    observed = annotated_by_experts([recording], {7: (0, 2_000_000)}, rows)
    bouts = tidy(BoutSource(observed, ({"video_id": 7},), {7: recording}, EXPERTS, "train"), tmp_path)
    times = [event[0] for event in project(bouts, "one")["observations"]["7"]["events"]]
    assert [round(time * fps) for time in times] == [frame for start in starts for frame in (start, start + 1)]
    (path,) = write_elan(bouts, tmp_path)
    spans = sorted((start, stop) for start, stop, _ in Eaf(str(path)).get_annotation_data_for_tier("mouse1,self,rear"))
    assert [(round(start * fps / 1000), round(stop * fps / 1000)) for start, stop in spans] == [(start, start + 1) for start in starts]


def overlapping() -> TidyBouts:
    """Mouse 1 attacks in frames 0 to 9, 5 to 19 and 20 to 29; and sniffs in frames 8 to 11."""
    recording = Recording("A", 7, 30.0, 10.0, 400, 200, annotated=(Triple(1, 2, "attack"), Triple(1, 2, "sniff")))
    rows = [(7, 1, 2, "attack", 0, 10), (7, 1, 2, "attack", 5, 20), (7, 1, 2, "attack", 20, 30), (7, 1, 2, "sniff", 8, 12)]
    bouts = pd.DataFrame(rows, columns=["video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame"])
    observed = annotated_by_experts([recording], {7: (0, 100)}, bouts)
    return tidy(BoutSource(observed, ({"video_id": 7, "recording_name": "cage 1/é"},), {7: recording}, EXPERTS, "train"), Path("nowhere"))


def test_overlaps_within_a_triple_are_joined_and_neighbors_stay_apart() -> None:
    merged, joined = overlapping().merged()
    assert joined == 1
    assert [(one.behavior, one.start_frame, one.stop_frame, round(one.stop_s, 6)) for one in merged.of(7)] == [
        ("attack", 0, 20, round(20 / 30, 6)),
        ("sniff", 8, 12, 0.4),
        ("attack", 20, 30, 1.0),
    ]


def test_a_submission_cannot_hold_two_behaviors_at_a_time(tmp_path: Path) -> None:
    from behavior.contract import ContractError
    from inference.exports.to_competition import write_competition

    with pytest.raises(ContractError, match="at most one behavior at a time"):
        write_competition(overlapping(), tmp_path / "s.csv")
    assert not (tmp_path / "s.csv").exists()


def test_names_become_names_of_files_that_any_system_takes() -> None:
    (film,) = overlapping().films.values()
    assert (film.name, film.file_name) == ("cage 1/é", "cage 1_é")


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--output", "bouts.docx"], "Expected --output to end with"),
        (["--output", "b.csv", "--bouts", "nowhere.parquet"], "Expected --bouts to be a file"),
    ],
)
def test_mistakes_are_told_in_one_line(lake: Lake, capsys, flags: list[str], told: str, tmp_path: Path) -> None:
    assert run("--data-dir", lake.raw, *flags) == EXIT_USAGE
    assert told in capsys.readouterr().err
