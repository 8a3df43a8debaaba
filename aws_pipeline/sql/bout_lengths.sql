-- Up to 300 bouts of each behavior, evenly by rank
-- Every n-th bout from the shortest to the longest: few rows, the same distribution.
WITH ranked AS (
    SELECT
        action,
        kind,
        duration_s,
        row_number() OVER (PARTITION BY action, kind ORDER BY duration_s) AS place,
        count(*) OVER (PARTITION BY action, kind) AS bouts
    FROM annotations_enriched
)
SELECT action, kind, bouts, duration_s
FROM ranked
-- a bout is kept where the 300 even steps move on by one; with 300 bouts or fewer every bout is
WHERE floor(place * 300e0 / bouts) > floor((place - 1) * 300e0 / bouts)
ORDER BY action, kind, duration_s
