-- Which behaviors did a lab annotate and never see?
-- Absent there. Where a lab did not annotate, a behavior is unknown and has no row.
WITH everywhere AS (
    SELECT
        action,
        count(DISTINCT IF(bouts > 0, lab_id)) AS labs_seen,
        (SELECT count(DISTINCT lab_id) FROM metadata_train) - count(DISTINCT lab_id) AS labs_unknown
    FROM class_distribution_stats
    GROUP BY action
)
SELECT
    stats.lab_id,
    stats.action,
    stats.kind,
    stats.videos_annotated AS videos,
    round(stats.annotated_seconds / 3600, 3) AS annotated_h,
    everywhere.labs_seen,
    everywhere.labs_unknown
FROM class_distribution_stats AS stats
JOIN everywhere ON everywhere.action = stats.action
WHERE stats.bouts = 0
ORDER BY stats.lab_id, stats.action
