-- Where did the mice of one recording go in two minutes?
-- all partitions: Athena skips the other labs by the join, but only while it runs.
-- The recording with most mice, then the best tracked; body_center or else the first bodypart; at most 2,000 rows.
WITH recording AS (
    SELECT
        lab_id,
        video_id,
        frames_per_second AS fps,
        first_frame,
        greatest(1, CAST(ceil(least(frame_count, 120 * frames_per_second) * mice_tracked / 1990) AS bigint)) AS step_frames
    FROM metadata_train
    ORDER BY mice_tracked DESC, seen_share DESC, lab_id, video_id
    LIMIT 1
),
points AS (
    SELECT
        t.lab_id,
        t.video_id,
        t.mouse_id,
        t.bodypart,
        (t.video_frame - r.first_frame) / r.fps AS time_s,
        t.x_cm,
        t.y_cm,
        min(IF(t.bodypart = 'body_center', '', t.bodypart)) OVER () AS first_part
    FROM tracking_curated AS t
    -- lab_id in the join lets Athena skip the folders of all other labs
    JOIN recording AS r ON t.lab_id = r.lab_id AND t.video_id = r.video_id
    WHERE
        t.split = 'train'
        AND t.x_cm IS NOT NULL
        AND t.video_frame - r.first_frame < 120 * r.fps
        AND (t.video_frame - r.first_frame) % r.step_frames = 0
)
SELECT lab_id, video_id, mouse_id, bodypart, round(time_s, 3) AS time_s, x_cm, y_cm
FROM points
WHERE first_part = IF(bodypart = 'body_center', '', bodypart)
ORDER BY mouse_id, time_s
