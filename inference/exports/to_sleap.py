"""Bouts for SLEAP: one .slp file with a video and the events of each recording. The frames of an event include its last frame."""

from pathlib import Path
from typing import Any

from behavior.whole_file import whole_file
from inference.exports.tidy_bouts import SELF, TidyBouts


def write_sleap(tidy: TidyBouts, path: Path) -> None:
    """Write all recordings as one .slp file: mice are tracks, behaviors that were looked for are event types."""
    import sleap_io

    triples = [triple.split(",") for film in tidy.films.values() for triple in film.looked_for]
    types = {name: sleap_io.EventType(name) for name in sorted({triple[-1] for triple in triples})}
    mice = sorted({name for triple in triples for name in triple[:-1]} - {SELF})
    tracks: dict[str | None, Any] = {name: sleap_io.Track(name) for name in mice}
    videos, events = {}, list[Any]()
    for video, film in tidy.films.items():
        videos[video] = sleap_io.Video(filename=film.media, open_backend=False)
        for bout in tidy.of(video):
            place = (types[bout.behavior], videos[video], bout.start_frame, bout.stop_frame - 1)
            who = {"subject": tracks.get(bout.agent), "target": tracks.get(bout.target), "source": bout.source}
            if tidy.by_person:
                events.append(sleap_io.UserEvent(*place, **who))
            else:
                events.append(sleap_io.PredictedEvent(*place, **who, score=bout.confidence))
    labels = sleap_io.Labels(videos=list(videos.values()), tracks=list(tracks.values()), event_types=list(types.values()), events=events)
    with whole_file(path) as draft:
        sleap_io.save_slp(labels, str(draft), embed=False)
