"""What a picture of a recording shows: the rows of its ethogram, the paths and the speeds of its mice."""

import numpy as np
import pandas as pd

from behavior.paths import means, path_of, speed_of
from behavior.recording import Recording
from inference.ethogram_rows import ethogram_rows
from inference.viewed_recording import ViewedRecording
from reports.recording_chart import RecordingPicture

MOST_POINTS = 1500
"""Longer lines are drawn as means: a page cannot show more points side by side."""


def recording_picture(
    viewed: ViewedRecording, predicted: pd.DataFrame | None, start_s: float, stop_s: float, points: int = MOST_POINTS
) -> RecordingPicture:
    """Return what is drawn of a recording between two times, s; lines have at most so many points."""
    curated, recording = viewed.curated, viewed.recording
    first, last = (min(max(round(time * recording.fps) - curated.first_frame, 0), curated.frames) for time in (start_s, stop_s))
    speeds, paths = {}, {}
    middle = np.zeros(0)
    for mouse in curated.mice:
        speeds[mouse], middle = means(speed_of(curated, mouse)[first:last], points)
        paths[mouse], _ = means(path_of(curated, mouse)[:, first:last], points)
    time_s = (middle + first + curated.first_frame + 0.5) / recording.fps
    name = f"{recording.lab_id}, recording {recording.shown}"
    if recording.mouse_names:
        name += f" ({', '.join(f'{mouse} = {recording.named_mouse(mouse)}' for mouse in curated.mice)})"
    rows = ethogram_rows(recording, viewed.true_bouts, predicted)
    return RecordingPicture(name, rows, start_s, stop_s, time_s, speeds, paths, picture_border(recording), viewed.unit)


def picture_border(recording: Recording) -> tuple[float, float, float, float] | None:
    """Return the border of the picture in cm from the arena's middle: left, top, right, bottom; None without a scale."""
    if recording.pix_per_cm is None:
        return None
    (x, y), scale = recording.center_px, recording.pix_per_cm
    return -x / scale, -y / scale, (recording.width_px - x) / scale, (recording.height_px - y) / scale
