"""One file for a combination: the recognizers of all folds of all members, and the combiner."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from recognizers import checkpoint
from recognizers.ensemble import Ensemble, WeightedMean
from recognizers.families import open_parts
from recognizers.stacked import Stack, Stacked
from training.combining.combination import Combination, Combiner
from training.combining.member_runs import MemberRuns
from training.decoding.decoding_file import FittedDecoding


def save_combined(
    path: Path,
    runs: MemberRuns,
    how: Combination,
    combiner: Combiner,
    fitted: FittedDecoding,
    checkpoints: Sequence[Sequence[Path]],
) -> None:
    """Write the combination of members, each of which is the mean of the recognizers of its folds.

    Every recording was used to train the recognizers of all folds but one, and to fit the combiner: all count as seen.
    """
    videos = [recording.video_id for recording in runs.plan.recordings]
    provenance = {"videos": {"train": videos, "validation": [], "held_out": []}, "metrics": {}, "seed": how.seed}
    of_folds = [[checkpoint.load_parts(file) for file in files] for files in checkpoints]
    means = tuple(_mean(parts, files) for parts, files in zip(of_folds, checkpoints, strict=True))
    named = zip(runs.names, means, of_folds, strict=True)
    inside = [mean.parts_with({**provenance, "recipe": {"name": name}}, parts) for name, mean, parts in named]
    whole: Ensemble | Stacked
    if isinstance(combiner, Stack):
        whole = Stacked(means, combiner, fitted.over(runs.behaviors, {}))
    else:
        assert isinstance(combiner, WeightedMean)
        whole = means[0] if len(means) == 1 else Ensemble(means)  # the mean of one is the mean of its folds
        inside = of_folds[0] if len(means) == 1 else inside
        mean = _over(combiner, runs.behaviors, whole.behaviors)
        equal = ((1.0,) * len(whole.behaviors),) * len(whole.members)
        mean = replace(mean, weights=equal) if len(means) == 1 else mean
        whole = replace(whole, mean=mean, fitted=fitted.over(whole.behaviors, {}))
    checkpoint.save_parts(path, whole.parts_with({**provenance, "recipe": {"name": how.name, **how.to_json_dict()}}, inside))


def _mean(parts: Sequence[checkpoint.Parts], files: Sequence[Path]) -> Ensemble:
    return Ensemble(tuple(open_parts(*own, str(file)) for own, file in zip(parts, files, strict=True)))


def _over(mean: WeightedMean, behaviors: tuple[str, ...], chosen: tuple[str, ...]) -> WeightedMean:
    """Return the mean for some of its behaviors, in their order."""
    places = [behaviors.index(behavior) for behavior in chosen]
    weights = tuple(tuple(row[place] for place in places) for row in mean.weights)
    return WeightedMean(weights, tuple(mean.smooth_s[place] for place in places) if mean.smooth_s else ())
