-- Which behaviors are common, which are rare?
-- Over all labs that annotated them; a lab that did not annotate says nothing about a behavior.
SELECT
    action,
    kind,
    count(*) AS labs,
    count_if(bouts > 0) AS labs_seen,
    sum(bouts) AS bouts,
    round(sum(seconds), 3) AS seconds,
    round(sum(annotated_seconds) / 3600, 3) AS annotated_h,
    round(sum(seconds) / nullif(sum(annotated_seconds), 0), 6) AS share
FROM class_distribution_stats
GROUP BY action, kind
ORDER BY seconds DESC, action, kind
