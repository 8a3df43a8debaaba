"""Read the bouts of NWB files with ndx-ethogram: each EthogramBouts table is one observation."""

import json
import warnings
from pathlib import Path
from typing import Any

from aws_pipeline.imports.foreign_bouts import Film, ForeignBout, Observation
from aws_pipeline.imports.foreign_pose import unreadable
from behavior.contract import ContractError

_WHAT = "an NWB file with bouts (ndx-ethogram)"


def read_nwb_bouts(path: Path, where: str) -> list[Observation]:
    """Return the observations of a file. The Ethogram beside a table is what was looked for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about cached namespaces, which a person cannot mend
        try:
            import ndx_ethogram  # noqa: F401  (registers its types)
            import pynwb

            with pynwb.NWBHDF5IO(str(path), "r") as io:
                session = io.read()
                tables = [one for one in session.objects.values() if type(one).__name__ == "EthogramBouts"]
                return [_observation(path, where, session, table) for table in tables] or _none(where)
        except ContractError:
            raise
        except (ValueError, TypeError, KeyError, OSError, AttributeError, RuntimeError) as error:
            raise unreadable(where, _WHAT, f"one that pynwb cannot read: {str(error).partition('. ')[0]}") from None


def _observation(path: Path, where: str, session: Any, table: Any) -> Observation:
    rows = table.to_dataframe()
    agents = rows["agent"].astype(str) if "agent" in rows else [""] * len(rows)
    targets = rows["target"].astype(str) if "target" in rows else [""] * len(rows)
    bouts = tuple(
        ForeignBout(agent, target, str(behavior), float(start), float(stop))
        for agent, target, behavior, start, stop in zip(agents, targets, rows["label"], rows["start_time"], rows["stop_time"], strict=True)
    )
    try:
        about = json.loads(table.parameters or "{}")
    except ValueError:
        about = {}
    ethogram = None if table.ethogram is None else tuple(map(str, table.ethogram["behavior"][:]))
    looked_for = tuple(about["looked_for"]) if isinstance(about.get("looked_for"), list) else None
    fps = about.get("frames_per_second")
    films = (Film(str(session.session_id)),) if session.session_id else ()
    rate = float(fps) if fps else None
    return Observation(path.stem, "NWB", bouts, False, films, rate, ethogram, (), looked_for, str(table.annotator or ""))


def _none(where: str) -> list[Observation]:
    raise unreadable(where, _WHAT, "none", "Import its poses with import_pose.py.")
