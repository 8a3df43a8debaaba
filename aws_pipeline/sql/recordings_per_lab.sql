-- How much did each lab record, how fast, how many mice?
SELECT
    lab_id,
    count(*) AS videos,
    count(behaviors_labeled) AS labeled,
    round(sum(frame_count / frames_per_second) / 3600, 3) AS hours,
    min(frames_per_second) AS fps_min,
    max(frames_per_second) AS fps_max,
    max(mice_tracked) AS mice_max,
    round(avg(seen_share), 4) AS seen_share
FROM metadata_train
GROUP BY lab_id
ORDER BY hours DESC, lab_id
