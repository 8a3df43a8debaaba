"""What flows through in blocks gives the bits that the whole at once gives, from the file to the bouts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from simulated_lake import profile
from small_recognizer import random_arena_recognizer, random_plus_recognizer, random_recognizer, scores_of

from behavior.bouts import scored_bout_table
from behavior.contract import ContractError
from behavior.curation import CuratedTracking, curate
from behavior.labelling import Subject
from behavior.material import Material
from behavior.recording import Recording, Triple, recordings_from_rows
from behavior.simulated.recordings import simulate
from behavior.views.sampling import frame_samples
from inference import recording_files
from inference.recognition import recognize, recognize_material
from inference.recording_files import TrackingFile
from recognizers import windowed
from recognizers.context import context_of
from recognizers.network_recognizer import NetworkRecognizer
from recognizers.recognizer import labelling_of
from recognizers.torch_windows import ANSWERS, score_streams

BEHAVIORS = ("attack", "freeze", "mount", "sniff")
PAIRS = ((1, 2), (2, 1), (2, 2))
CPU = torch.device("cpu")


@pytest.fixture
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features of 50 samples and 700 rows of a file at once."""
    monkeypatch.setattr(windowed, "BLOCK_SAMPLES", 50)
    monkeypatch.setattr(recording_files, "ROWS_AT_ONCE", 700)


@pytest.fixture(scope="module")
def filmed() -> tuple[pa.Table, Recording]:
    """Two mice for 12 s at 30 frames a second; a twentieth of the points is lost, some of them for long."""
    made = simulate(replace(profile("CalMS21_task2"), missing_rate=0.05), seed=5, seconds=12)
    rows = made.tracking.to_pandas()
    lost = (rows["bodypart"] == "nose") & (rows["mouse_id"] == 1) & rows["video_frame"].between(90, 200)
    (recording,) = recordings_from_rows([made.metadata])
    annotated = tuple(Triple(*pair, behavior) for pair in PAIRS for behavior in BEHAVIORS)
    return pa.Table.from_pandas(rows[~lost], preserve_index=False), replace(recording, annotated=annotated)


def at_once(recognizer: NetworkRecognizer, curated: CuratedTracking, recording: Recording) -> list[np.ndarray]:
    """Score each pair with its features made as a whole and its scores put together as a whole."""
    features = [recognizer.scaler.transform(recognizer.features.of(curated, recording.fps, Subject(*pair))) for pair in PAIRS]
    context = torch.from_numpy(context_of(0, [True] * len(BEHAVIORS)))
    streams = [(torch.from_numpy(rows), context) for rows in features]
    sampled = score_streams(recognizer.network, streams, recognizer.windowing, CPU, recognizer.batch)
    return [scores[frame_samples(curated.frames, recording.fps, recognizer.features.fps)] for scores in sampled]


def changing_plus_recognizer(behaviors: tuple[str, ...], threshold: float) -> NetworkRecognizer:
    """With most other seeds, one behavior has nearly all frames."""
    return random_plus_recognizer(behaviors, threshold=threshold, seed=1)


@pytest.mark.parametrize("make", [random_recognizer, changing_plus_recognizer])
@pytest.mark.parametrize("fps", [30.0, 120.0, 25.0])
@pytest.mark.usefixtures("short_blocks")
def test_scores_and_bouts_of_pairs_in_blocks_are_those_of_the_whole(make, fps: float, filmed: tuple[pa.Table, Recording]) -> None:
    rows, recording = filmed
    recording = replace(recording, fps=fps)
    recognizer, curated = make(BEHAVIORS, threshold=0.4), curate(rows, recording)
    whole = at_once(recognizer, curated, recording)
    for (pair, scores), expected in zip(scores_of(recognizer, curated, recording).items(), whole, strict=True):
        np.testing.assert_array_equal(scores, expected, err_msg=str(pair))
    subjects = [Subject(*pair, frozenset(BEHAVIORS)) for pair in PAIRS]
    asked = labelling_of(recognizer)
    decoded = [recognizer.decoding.scored_bouts(asked, recording, subject, scores) for subject, scores in zip(subjects, whole, strict=True)]
    bouts = scored_bout_table([bout for of_pair in decoded for bout in of_pair])
    assert len(bouts) > 5
    pd.testing.assert_frame_equal(recognize_material(Material.with_tracking(recording, curated), recognizer), bouts)


@pytest.mark.parametrize("fps", [30.0, 120.0])
@pytest.mark.usefixtures("short_blocks")
def test_scores_of_groups_in_blocks_are_those_of_the_whole(fps: float, filmed: tuple[pa.Table, Recording]) -> None:
    rows, recording = filmed
    recording = replace(recording, fps=fps, annotated=())
    recognizer, curated = random_arena_recognizer(), curate(rows, recording)
    features = torch.from_numpy(recognizer.scaler.transform(recognizer.features.of(curated, fps, Subject())))
    answer = ANSWERS[recognizer.head]
    (sampled,) = score_streams(recognizer.network, [(features, torch.ones(5))], recognizer.windowing, CPU, recognizer.batch, answer)
    expected = sampled[frame_samples(curated.frames, fps, recognizer.features.fps)]
    np.testing.assert_array_equal(scores_of(recognizer, curated, recording)[None, None], expected)


@pytest.mark.usefixtures("short_blocks")
def test_a_file_read_in_batches_is_the_file_read_at_once(filmed: tuple[pa.Table, Recording], tmp_path: Path) -> None:
    rows, recording = filmed
    path = tmp_path / "1.parquet"
    shuffled = rows.take(np.random.default_rng(0).permutation(len(rows)))
    pq.write_table(shuffled, path, row_group_size=1000)
    assert len(list(TrackingFile(path))) > 5
    read, whole = curate(TrackingFile(path), recording), curate(rows, recording)
    assert (read.mice, read.bodyparts) == (whole.mice, whole.bodyparts)
    np.testing.assert_array_equal(read.xy, whole.xy)
    np.testing.assert_array_equal(read.velocity, whole.velocity)
    np.testing.assert_array_equal(read.seen, whole.seen)
    recognizer = random_recognizer(BEHAVIORS, threshold=0.4)
    pd.testing.assert_frame_equal(recognize(TrackingFile(path), recording, recognizer), recognize(rows, recording, recognizer))


@pytest.mark.usefixtures("short_blocks")
def test_a_keypoint_at_two_places_is_found_across_batches(filmed: tuple[pa.Table, Recording], tmp_path: Path) -> None:
    rows, recording = filmed
    moved = rows.slice(0, 1).to_pandas().assign(x=-5.0).astype({"x": np.float32})
    twice = pa.concat_tables([rows, pa.Table.from_pandas(moved, schema=rows.schema, preserve_index=False)])
    pq.write_table(twice, tmp_path / "1.parquet")
    with pytest.raises(ContractError, match="Expected one place per keypoint and frame, but got several"):
        curate(TrackingFile(tmp_path / "1.parquet"), recording)
    pq.write_table(pa.concat_tables([rows, rows.slice(0, 1)]), tmp_path / "1.parquet")  # the same row again says nothing new
    np.testing.assert_array_equal(curate(TrackingFile(tmp_path / "1.parquet"), recording).xy, curate(rows, recording).xy)


def test_a_file_that_breaks_off_is_told_by_name(filmed: tuple[pa.Table, Recording], tmp_path: Path) -> None:
    path = tmp_path / "1.parquet"
    pq.write_table(filmed[0], path, compression="none", write_page_checksum=True)
    spoiled = bytearray(path.read_bytes())
    spoiled[200:1200] = b"\xff" * 1000
    path.write_bytes(spoiled)
    with pytest.raises(ContractError, match=r"1.parquet: Expected a Parquet file, but got"):
        curate(TrackingFile(path), filmed[1])


def test_a_file_without_rows_is_refused_and_a_missing_column_is_told_first(filmed: tuple[pa.Table, Recording], tmp_path: Path) -> None:
    path = tmp_path / "1.parquet"
    pq.write_table(filmed[0].schema.empty_table(), path)
    with pytest.raises(ContractError, match="Expected tracking rows, but got none"):
        curate(TrackingFile(path), filmed[1])
    pq.write_table(filmed[0].schema.empty_table().drop(["y"]), path)
    with pytest.raises(ContractError, match="Expected a column y"):
        curate(TrackingFile(path), filmed[1])
