-- Which pairs did each lab annotate, for which behavior?
-- Counted in (agent, target) pairs, from the JSON lists of the metadata.
WITH annotated AS (
    SELECT
        lab_id,
        video_id,
        -- some published lists repeat their entries with stray quotes inside; DISTINCT lets both forms fall together
        split(replace(entry, '''', ''), ',') AS triple
    FROM metadata_train
    CROSS JOIN UNNEST(CAST(json_parse(behaviors_labeled) AS array(varchar))) AS listed (entry)
),
triples AS (
    SELECT DISTINCT lab_id, video_id, triple[1] AS agent, triple[2] AS target, triple[3] AS action
    FROM annotated
)
SELECT
    lab_id,
    action,
    IF(target = 'self', 'self', 'pair') AS kind,
    count(DISTINCT video_id) AS videos,
    count(DISTINCT agent || ' ' || target) AS pairs,
    count(*) AS triples
FROM triples
GROUP BY lab_id, action, IF(target = 'self', 'self', 'pair')
ORDER BY lab_id, action, kind
