-- How good is the tracking of each lab?
-- Teleports and suspected exchanges of ids (swaps) are counted per hour of recording.
SELECT
    lab_id,
    count(*) AS videos,
    round(sum(duration_s) / 3600, 3) AS hours,
    round(sum(missing_share * duration_s) / nullif(sum(duration_s), 0), 4) AS missing_share,
    round(3600 * sum(teleports) / nullif(sum(duration_s), 0), 1) AS teleports_per_h,
    round(3600 * sum(swap_suspects) / nullif(sum(duration_s), 0), 1) AS swaps_per_h
FROM data_quality
GROUP BY lab_id
ORDER BY missing_share DESC, lab_id
