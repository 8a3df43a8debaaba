"""The scores of a combination, stored as an out-of-fold run of its own.

Axes: T frames, C behaviors.
"""

import time

import numpy as np

from recognizers.ensemble import mean_decoding
from training.combining.combination import Combination, Combiner
from training.combining.member_runs import MemberRuns
from training.judging.out_of_fold import FoldRecord, OutOfFold


def write_combined_scores(runs: MemberRuns, how: Combination, combiners: dict[int | None, Combiner], store: OutOfFold) -> list[FoldRecord]:
    """Write the scores of every subject, from the combiner that was fitted without its fold; return the records of the folds."""
    known = {}
    seconds = dict.fromkeys(range(1, len(runs.plan.splits) + 1), 0.0)
    for fold in seconds:
        of_members = {behavior for behaviors, _ in runs.decodings(fold) for behavior in behaviors}
        known[fold] = tuple(behavior for behavior in runs.behaviors if behavior in of_members)
    for one in runs.subjects():
        started = time.perf_counter()
        scores = np.nan_to_num(combiners[one.fold].scores(one.scores, one.recording.fps))
        store.write_scores(one.recording, one.subject, scores[:, np.isin(runs.behaviors, known[one.fold])], known[one.fold], one.fold)
        seconds[one.fold] += time.perf_counter() - started
    records = []
    for fold, split in enumerate(runs.plan.splits, start=1):
        history = {"recipe": how.name, "seed": how.seed, "metrics": {}, "epochs": []}
        decoding = mean_decoding(known[fold], runs.decodings(fold))
        records.append(FoldRecord(fold, split, known[fold], decoding, history, seconds[fold]))
        store.complete(records[-1])
    return records
