-- How long does a bout of each behavior last?
SELECT
    action,
    kind,
    count(*) AS bouts,
    count(DISTINCT lab_id) AS labs,
    approx_percentile(duration_s, 0.1) AS p10_s,
    approx_percentile(duration_s, 0.25) AS p25_s,
    approx_percentile(duration_s, 0.5) AS p50_s,
    approx_percentile(duration_s, 0.75) AS p75_s,
    approx_percentile(duration_s, 0.9) AS p90_s,
    max(duration_s) AS max_s
FROM annotations_enriched
GROUP BY action, kind
ORDER BY p50_s DESC, action, kind
