"""Read the events of SLEAP projects (slp 2.6 and later). The frames of an event include its last frame."""

from pathlib import Path

from aws_pipeline.imports.foreign_bouts import Film, ForeignBout, Observation
from aws_pipeline.imports.foreign_pose import unreadable


def read_slp_events(path: Path, where: str) -> list[Observation]:
    """Return one observation for each film. Its event types are what was looked for. Raises ContractError for a project without events."""
    import sleap_io

    try:
        labels = sleap_io.load_slp(str(path), open_videos=False)
    except Exception as error:  # h5py, json and sleap-io each have their own for a broken file
        raise unreadable(where, "a project of SLEAP", f"one that sleap-io cannot read: {error}") from None
    if not labels.events and not labels.event_types:
        raise unreadable(where, "events in a project of SLEAP", "none", "Import its poses with import_pose.py.")
    ethogram = tuple(one.name for one in labels.event_types)
    observations = []
    for video in labels.videos:
        bouts = tuple(
            ForeignBout(
                event.subject.name if event.subject else "",
                event.target.name if event.target else "",
                event.type.name,
                event.start_frame,
                event.end_frame + 1,
            )
            for event in sorted(labels.events, key=lambda one: (one.start_frame, one.end_frame))
            if event.video is video
        )
        film = str(video.filename)
        sources = {event.source for event in labels.events if event.video is video and event.source}
        fps = video.backend_metadata.get("fps")
        annotator = sources.pop() if len(sources) == 1 else ""
        name = film if len(labels.videos) > 1 else path.stem
        observations.append(
            Observation(name, "SLEAP", bouts, True, (Film(film),), float(fps) if fps else None, ethogram, annotator=annotator)
        )
    return observations
