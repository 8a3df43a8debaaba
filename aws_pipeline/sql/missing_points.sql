-- Which bodyparts did the tracker of each lab lose?
-- all partitions: it compares the labs.
-- A point never seen in a whole recording has no place at all; a lost one is filled from its neighbors in time.
SELECT
    lab_id,
    bodypart,
    count(DISTINCT video_id) AS videos,
    count(*) AS points,
    round(count_if(seen) * 1e0 / count(*), 6) AS seen_share,
    round(count_if(x_cm IS NULL) * 1e0 / count(*), 6) AS never_seen
FROM tracking_curated
WHERE split = 'train'
GROUP BY lab_id, bodypart
ORDER BY lab_id, bodypart
