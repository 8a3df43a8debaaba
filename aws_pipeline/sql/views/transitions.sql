-- Which behavior follows which, in each lab: one agent's bouts in the order of their starts, whoever its targets are.
-- NULL where no agent was annotated for both behaviors. The same numbers as inference/bout_statistics.py --by lab --transitions FILE.
CREATE OR REPLACE VIEW transitions AS
WITH listed AS (
    SELECT
        lab_id,
        video_id,
        frames_per_second AS fps,
        coalesce(first_frame, 0) AS first_frame,
        frame_count,
        -- some published lists repeat their entries with stray quotes inside; DISTINCT lets both forms fall together
        split(replace(replace(entry, '''', ''), '"', ''), ',') AS names
    FROM metadata_train
    CROSS JOIN UNNEST(CAST(json_parse(behaviors_labeled) AS array(varchar))) AS each (entry)
),
annotated AS (
    SELECT DISTINCT lab_id, video_id, CAST(replace(trim(names[1]), 'mouse', '') AS integer) AS agent_id, trim(names[3]) AS action
    FROM listed
),
following AS (
    SELECT
        lab_id,
        action,
        lead(action) OVER (PARTITION BY lab_id, video_id, agent_id ORDER BY start_frame, stop_frame, action) AS next_action
    FROM annotations_enriched
    WHERE annotated
),
counted AS (
    SELECT lab_id, action, next_action, count(*) AS transitions
    FROM following
    WHERE next_action IS NOT NULL
    GROUP BY lab_id, action, next_action
),
behaviors AS (
    SELECT DISTINCT lab_id, action FROM annotated
),
together AS (
    SELECT one.lab_id, one.action, other.action AS next_action, count(DISTINCT one.video_id) AS recordings
    FROM annotated AS one
    JOIN annotated AS other
        ON other.lab_id = one.lab_id
        AND other.video_id = one.video_id
        AND other.agent_id = one.agent_id
    GROUP BY one.lab_id, one.action, other.action
)
SELECT
    one.lab_id,
    one.action,
    other.action AS next_action,
    coalesce(together.recordings, 0) AS recordings,
    IF(together.recordings > 0, coalesce(counted.transitions, 0)) AS count,
    IF(together.recordings > 0, coalesce(counted.transitions, 0))
        / nullif(CAST(sum(counted.transitions) OVER (PARTITION BY one.lab_id, one.action) AS double), 0) AS share
FROM behaviors AS one
JOIN behaviors AS other ON other.lab_id = one.lab_id
LEFT JOIN together ON together.lab_id = one.lab_id AND together.action = one.action AND together.next_action = other.action
LEFT JOIN counted ON counted.lab_id = one.lab_id AND counted.action = one.action AND counted.next_action = other.action
