"""The picture of bout statistics: the share of time of each animal, group by group, and the comparison of two groups."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from inference.bout_sources import BoutSource

if TYPE_CHECKING:
    import pandas as pd

    from behavior.time_budgets import Agents

MOST_PANELS = 24
"""Of more behaviors, those that fill most time are drawn. A behavior without a bout is only named, unless no behavior has one."""
CAPTION = "{} minus {}, with the bootstrap interval (95 %) and the p of a permutation test, corrected for the number of behaviors"
EVERYBODY = "all animals"


def plot(source: BoutSource, agents: "Agents", level: str, origin_s: Mapping[int, float] | None, path: Path) -> str:
    """Draw the share of time of each animal as PNG; return lines about the groups and their comparison."""
    from behavior.whole_file import whole_file
    from reports.figures import png
    from reports.group_charts import group_chart

    values = shares(source, agents, level, origin_s)
    panels, lines = _panels(values)
    caption = CAPTION.format(*sorted(values["group"].unique())[::-1]) if any(panel.note for panel in panels) else ""
    picture = png(group_chart(panels, "share of time, %", caption))
    with whole_file(path) as draft:
        draft.write_bytes(picture)
    never = sorted(set(values["title"]) - _occurring(values))
    left_out = values["title"].nunique() - len(panels) - (len(never) if _occurring(values) else 0)
    lines.insert(0, f"Wrote {path}: {len(panels)} behaviors" + (f"; {left_out} that fill less time are left out." if left_out else "."))
    if never:
        lines.insert(1, f"No bout of {', '.join(never)}.")
    if any(panel.note for panel in panels):
        lines += _shared_recordings(values, source, agents)
    return "\n".join(lines)


def shares(source: BoutSource, agents: "Agents", level: str, origin_s: Mapping[int, float] | None) -> "pd.DataFrame":
    """Return a row for each animal and behavior that was looked for: animal, group, title, percent of time.

    Groups are labs, or values of a trait; of other levels there is one group. An animal with several values of a trait is in several.
    """
    from behavior.time_budgets import GROUPS, time_budgets

    trait = level not in GROUPS
    rows = agents.rows.assign(animal=agents.rows["animal"] + agents.rows[level].map(lambda value: f"\n{value}")) if trait else agents.rows
    table = time_budgets(source.observed, type(agents)(rows), "animal", None, origin_s)
    table = table[table["pairs"] > 0]
    group = table["animal"].str.partition("\n")[2] if trait else (table["lab_id"] if level == "lab" else EVERYBODY)
    several = table.groupby("action")["kind"].transform("nunique") > 1
    title = table["action"].where(~several, table["action"] + " (" + table["kind"] + ")")
    whole = table.assign(group=group, title=title, percent=100 * table["share"])
    return whole[["lab_id", "animal", "group", "title", "percent"]].dropna(subset=["animal", "group"])


def _occurring(values: "pd.DataFrame") -> set[str]:
    """Return the behaviors with a bout."""
    return set(values.loc[values["percent"] > 0, "title"])


def _panels(values: "pd.DataFrame") -> "tuple[list[Panel], list[str]]":
    from behavior.comparison import compare, holm
    from reports.group_charts import Panel

    drawn = values[values["title"].isin(_occurring(values))] if _occurring(values) else values
    order = drawn.groupby("title")["percent"].mean().sort_values(ascending=False, kind="stable").index[:MOST_PANELS]
    names = sorted(values["group"].unique())
    by_title = {
        title: {name: values.loc[(values["title"] == title) & (values["group"] == name), "percent"].to_numpy() for name in names}
        for title in order
    }
    by_title = {title: {name: own for name, own in groups.items() if len(own)} for title, groups in by_title.items()}
    compared = {title: compare(*groups.values()) for title, groups in by_title.items() if len(names) == len(groups) == 2}
    corrected = dict(zip(compared, holm([one.p for one in compared.values()]), strict=True))
    panels, lines = [], []
    for title, groups in by_title.items():
        note = ""
        if title in compared:
            one, low_high = compared[title], ""
            if one.interval:
                low_high = f" [{one.interval[0]:+.2f}, {one.interval[1]:+.2f}]"
            note = f"{one.difference:+.2f}{low_high}, p = {corrected[title]:.2g}"
            sizes = f"n = {one.animals[0]} and {one.animals[1]} animals"
            lines.append(f"{title}: {names[1]} minus {names[0]} {one.difference:+.2f}{low_high} % of time, p = {one.p:.2g}, {sizes}")
        panels.append(Panel(title, groups, note))
    if compared:
        lines.append(
            f"The p in the picture is corrected for {len(compared)} behaviors (Holm); the p above is not. Intervals are bootstrapped."
        )
    elif len(names) > 2:
        lines.append(f"There are {len(names)} groups, and only two groups are compared.")
    return panels, lines


def _shared_recordings(values: "pd.DataFrame", source: BoutSource, agents: "Agents") -> list[str]:
    together = agents.rows[agents.rows["animal"].isin(values["animal"].str.partition("\n")[0])]
    shared = int((together.groupby("video_id")["animal"].nunique() > 1).sum())
    if not shared:
        return []
    return [f"In {shared} recordings several animals act together: they are not independent, and the test is too sure of itself."]


if TYPE_CHECKING:
    from reports.group_charts import Panel
