-- Which behaviors are common, which are rare?
-- Over all labs that watched for them; a lab that did not watch says nothing about a behavior.
SELECT
    action,
    kind,
    count(*) AS labs,
    count_if(bouts > 0) AS labs_seen,
    sum(bouts) AS bouts,
    round(sum(seconds), 3) AS seconds,
    round(sum(watched_seconds) / 3600, 3) AS watched_h,
    round(sum(seconds) / nullif(sum(watched_seconds), 0), 6) AS share
FROM class_distribution_stats
GROUP BY action, kind
ORDER BY seconds DESC, action, kind
