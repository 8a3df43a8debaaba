-- How often, how long and how soon each recognizer predicts each behavior: as time_budgets, with split and recognizer.
-- NULL where the recognizer could not predict the behavior. The same numbers as inference/bout_statistics.py --bouts FILE --by pair --bin-s 300.
CREATE OR REPLACE VIEW predicted_time_budgets AS
WITH chosen AS (
    SELECT bin_s FROM (VALUES 60e0, 300e0, 1e9) AS widths (bin_s)
),
triples AS (
    SELECT
        split,
        recognizer,
        lab_id,
        video_id,
        agent_id,
        target_id,
        action,
        kind,
        frames_per_second AS fps,
        first_frame,
        frame_count / frames_per_second AS length_s
    FROM predictable_triples
),
windows AS (
    SELECT
        split,
        recognizer,
        lab_id,
        video_id,
        agent_id,
        target_id,
        action,
        kind,
        bin_s,
        bin,
        bin * bin_s AS bin_start_s,
        least(length_s, (bin + 1) * bin_s) - bin * bin_s AS observed_s
    FROM triples
    CROSS JOIN chosen
    CROSS JOIN UNNEST(sequence(0, CAST(ceil(length_s / bin_s) AS bigint) - 1)) AS bins (bin)
),
timed AS (
    SELECT
        triples.split,
        triples.recognizer,
        triples.lab_id,
        triples.video_id,
        triples.agent_id,
        triples.target_id,
        triples.action,
        (bouts.start_frame - triples.first_frame) / triples.fps AS start_s,
        (bouts.stop_frame - triples.first_frame) / triples.fps AS stop_s,
        -- the latest end so far, because bouts of one pair may overlap
        (bouts.start_frame - max(bouts.stop_frame) OVER (
            PARTITION BY triples.split, triples.recognizer, triples.lab_id, triples.video_id, triples.agent_id, triples.target_id, triples.action
            ORDER BY bouts.start_frame, bouts.stop_frame
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )) / triples.fps AS interval_s
    FROM predicted_bouts AS bouts
    JOIN triples
        ON triples.lab_id = bouts.lab_id
        AND triples.video_id = bouts.video_id
        AND triples.agent_id IS NOT DISTINCT FROM bouts.agent_id
        AND triples.target_id IS NOT DISTINCT FROM bouts.target_id
        AND triples.action = bouts.action
        AND triples.split = bouts.split
        AND triples.recognizer = bouts.recognizer
),
pieces AS (
    SELECT
        split,
        recognizer,
        lab_id,
        video_id,
        agent_id,
        target_id,
        action,
        bin_s,
        bin,
        least(stop_s, (bin + 1) * bin_s) - greatest(start_s, bin * bin_s) AS inside_s,
        -- a bout counts in the bin in which it starts
        IF(start_s >= bin * bin_s, stop_s - start_s) AS duration_s,
        IF(start_s >= bin * bin_s, start_s - bin * bin_s) AS latency_s,
        IF(start_s >= bin * bin_s, greatest(interval_s, 0e0)) AS interval_s
    FROM timed
    CROSS JOIN chosen
    CROSS JOIN UNNEST(sequence(CAST(floor(start_s / bin_s) AS bigint), CAST(ceil(stop_s / bin_s) AS bigint) - 1)) AS bins (bin)
),
ranked AS (
    SELECT
        split,
        recognizer,
        lab_id,
        video_id,
        agent_id,
        target_id,
        action,
        bin_s,
        bin,
        inside_s,
        duration_s,
        latency_s,
        interval_s,
        row_number() OVER (PARTITION BY split, recognizer, lab_id, video_id, agent_id, target_id, action, bin_s, bin ORDER BY duration_s) AS place,
        count(duration_s) OVER (PARTITION BY split, recognizer, lab_id, video_id, agent_id, target_id, action, bin_s, bin) AS bouts
    FROM pieces
),
seen AS (
    SELECT
        split,
        recognizer,
        lab_id,
        video_id,
        agent_id,
        target_id,
        action,
        bin_s,
        bin,
        count(duration_s) AS bouts,
        sum(inside_s) AS total_s,
        avg(duration_s) AS mean_s,
        avg(IF(place BETWEEN bouts / 2e0 AND bouts / 2e0 + 1, duration_s)) AS median_s,
        min(latency_s) AS latency_s,
        avg(interval_s) AS interval_s
    FROM ranked
    GROUP BY split, recognizer, lab_id, video_id, agent_id, target_id, action, bin_s, bin
),
behaviors AS (
    SELECT DISTINCT split, recognizer, lab_id, action, kind FROM triples
),
pairs AS (
    SELECT DISTINCT split, recognizer, lab_id, video_id, agent_id, target_id, kind, bin_s, bin, bin_start_s FROM windows
)
SELECT
    pairs.split,
    pairs.recognizer,
    pairs.lab_id,
    pairs.video_id,
    pairs.agent_id,
    pairs.target_id,
    behaviors.action,
    behaviors.kind,
    pairs.bin_s,
    pairs.bin,
    pairs.bin_start_s,
    windows.observed_s,
    IF(windows.observed_s IS NOT NULL, coalesce(seen.bouts, 0)) AS count,
    coalesce(seen.bouts, 0) / windows.observed_s * 60 AS rate_per_min,
    IF(windows.observed_s IS NOT NULL, coalesce(seen.total_s, 0e0)) AS total_s,
    coalesce(seen.total_s, 0e0) / windows.observed_s AS share,
    seen.mean_s,
    seen.median_s,
    seen.latency_s,
    seen.interval_s
FROM pairs
JOIN behaviors ON behaviors.split = pairs.split AND behaviors.recognizer = pairs.recognizer AND behaviors.lab_id = pairs.lab_id AND behaviors.kind = pairs.kind
LEFT JOIN windows
    ON windows.lab_id = pairs.lab_id
    AND windows.video_id = pairs.video_id
    AND windows.agent_id IS NOT DISTINCT FROM pairs.agent_id
    AND windows.target_id IS NOT DISTINCT FROM pairs.target_id
    AND windows.action = behaviors.action
    AND windows.bin_s = pairs.bin_s
    AND windows.bin = pairs.bin
    AND windows.split = pairs.split
    AND windows.recognizer = pairs.recognizer
LEFT JOIN seen
    ON seen.lab_id = windows.lab_id
    AND seen.video_id = windows.video_id
    AND seen.agent_id IS NOT DISTINCT FROM windows.agent_id
    AND seen.target_id IS NOT DISTINCT FROM windows.target_id
    AND seen.action = windows.action
    AND seen.bin_s = windows.bin_s
    AND seen.bin = windows.bin
    AND seen.split = windows.split
    AND seen.recognizer = windows.recognizer
