-- How much of each behavior did experts label in films?
-- Frames without a label are unknown, and are not counted.
SELECT
    labels.action,
    count(DISTINCT labels.lab_id) AS labs,
    count(DISTINCT labels.video_id) AS films,
    count(*) AS bouts,
    sum(labels.stop_frame - labels.start_frame) AS frames,
    round(sum((labels.stop_frame - labels.start_frame) * 1e0 * films.rate_denominator / films.rate_numerator), 3) AS seconds
FROM film_labels AS labels
JOIN video_manifest AS films ON films.lab_id = labels.lab_id AND films.video_id = labels.video_id
GROUP BY labels.action
ORDER BY seconds DESC, labels.action
