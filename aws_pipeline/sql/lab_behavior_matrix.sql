-- Which lab saw, never saw, did not annotate which behavior?
-- A lab that did not annotate a behavior does not know: unknown, not absent.
WITH labs AS (
    SELECT DISTINCT lab_id FROM metadata_train
),
behaviors AS (
    SELECT DISTINCT action FROM class_distribution_stats
),
annotated AS (
    SELECT lab_id, action, sum(bouts) AS bouts, sum(seconds) AS seconds, sum(annotated_seconds) AS annotated_s
    FROM class_distribution_stats
    GROUP BY lab_id, action
)
SELECT
    labs.lab_id,
    behaviors.action,
    CASE WHEN annotated.bouts > 0 THEN 'seen' WHEN annotated.bouts = 0 THEN 'never seen' ELSE 'unknown' END AS status,
    annotated.bouts,
    round(annotated.seconds, 3) AS seconds,
    round(annotated.seconds / nullif(annotated.annotated_s, 0), 6) AS share
FROM labs
CROSS JOIN behaviors
LEFT JOIN annotated ON annotated.lab_id = labs.lab_id AND annotated.action = behaviors.action
ORDER BY labs.lab_id, behaviors.action
