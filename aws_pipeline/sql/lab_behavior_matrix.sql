-- Which lab saw, never saw, did not watch which behavior?
-- A lab that did not watch for a behavior does not know: unknown, not absent.
WITH labs AS (
    SELECT DISTINCT lab_id FROM metadata_train
),
behaviors AS (
    SELECT DISTINCT action FROM class_distribution_stats
),
watched AS (
    SELECT lab_id, action, sum(bouts) AS bouts, sum(seconds) AS seconds, sum(watched_seconds) AS watched_s
    FROM class_distribution_stats
    GROUP BY lab_id, action
)
SELECT
    labs.lab_id,
    behaviors.action,
    CASE WHEN watched.bouts > 0 THEN 'seen' WHEN watched.bouts = 0 THEN 'never seen' ELSE 'unknown' END AS status,
    watched.bouts,
    round(watched.seconds, 3) AS seconds,
    round(watched.seconds / nullif(watched.watched_s, 0), 6) AS share
FROM labs
CROSS JOIN behaviors
LEFT JOIN watched ON watched.lab_id = labs.lab_id AND watched.action = behaviors.action
ORDER BY labs.lab_id, behaviors.action
