-- How fast does each bodypart move in each lab?
-- all partitions: it compares the labs.
-- Only where the tracker saw it: filled points stand still. Fast cameras see the tracker's jitter as speed.
-- Only recordings with a scale: of the others, the unit is the body length.
SELECT
    lab_id,
    bodypart,
    count(*) AS points,
    round(approx_percentile(speed_cm_per_s, 0.5), 3) AS p50_cm_per_s,
    round(approx_percentile(speed_cm_per_s, 0.9), 3) AS p90_cm_per_s,
    round(approx_percentile(speed_cm_per_s, 0.99), 3) AS p99_cm_per_s
FROM (
    SELECT
        lab_id,
        bodypart,
        sqrt(CAST(vx_cm_per_s AS double) * vx_cm_per_s + CAST(vy_cm_per_s AS double) * vy_cm_per_s) AS speed_cm_per_s
    FROM tracking_curated
    WHERE split = 'train' AND seen
        AND video_id NOT IN (SELECT video_id FROM metadata_train WHERE scale_source = 'body_length')
)
GROUP BY lab_id, bodypart
ORDER BY lab_id, bodypart
