-- Are the training recordings, or the films, good enough to learn from?
-- One row. The parameters are the fields of Limits in aws_pipeline/quality_gate.py, in their order, and two more of the cloud's graph: the
-- time since which a run of the ETL counts as new, and for how many hours its objects are to be kept.
WITH limits AS (
    SELECT
        CAST(? AS double) AS max_put_aside_share,
        CAST(? AS double) AS max_missing_share,
        CAST(? AS double) AS max_suspects_per_minute,
        CAST(? AS double) AS min_annotated,
        from_iso8601_timestamp(CAST(? AS varchar)) AS since,
        CAST(? AS bigint) AS keep_hours
),
last_run AS (
    SELECT
        max_by(run, ended) AS run,
        from_iso8601_timestamp(replace(max(ended), '+00:00', 'Z')) AS ended,
        max_by(summary, ended) AS summary
    FROM runs
),
balance AS (
    SELECT
        run,
        ended,
        coalesce(CAST(json_extract_scalar(summary, '$.balances.recordings.in') AS double), 0e0)
            + coalesce(CAST(json_extract_scalar(summary, '$.balances.films.in') AS double), 0e0) AS recordings,
        coalesce(CAST(json_extract_scalar(summary, '$.balances.recordings.quarantined') AS double), 0e0)
            + coalesce(CAST(json_extract_scalar(summary, '$.balances.films.quarantined') AS double), 0e0) AS put_aside
    FROM last_run
),
films AS (
    SELECT count_if(labelled_frames > 0) AS labelled FROM video_manifest
),
quality AS (
    SELECT
        count_if(bouts > 0) AS annotated_recordings,
        sum(missing_share * duration_s) / nullif(sum(duration_s), 0) AS missing_share,
        60 * sum(teleports + swap_suspects) / nullif(sum(duration_s), 0) AS suspects_per_minute
    FROM data_quality
    WHERE split = 'train'
),
judged AS (
    SELECT
        run,
        ended >= since AS is_new,
        to_iso8601(date_add('hour', keep_hours, now())) AS kept_until,
        array_join(
            ARRAY[
                IF(
                    put_aside > max_put_aside_share * recordings,
                    format(
                        '%.0f of %.0f recordings were put aside, more than %.0f %% (python aws_pipeline/quarantine.py list says why)',
                        put_aside, recordings, 100 * max_put_aside_share
                    )
                ),
                IF(
                    missing_share > max_missing_share,
                    format(
                        'the tracker lost %.1f %% of all keypoints, more than %.1f %% (table data_quality)',
                        100 * missing_share, 100 * max_missing_share
                    )
                ),
                IF(
                    suspects_per_minute > max_suspects_per_minute,
                    format(
                        'animals jump or seem to exchange their ids %.2f times a minute, more than %.2f (table data_quality)',
                        suspects_per_minute, max_suspects_per_minute
                    )
                ),
                IF(
                    annotated_recordings + labelled < min_annotated,
                    format(
                        '%.0f %s have annotated bouts, fewer than %.0f',
                        CAST(annotated_recordings + labelled AS double), IF(labelled > 0, 'recordings or films', 'recordings'), min_annotated
                    )
                )
            ],
            '; '
        ) AS faults
    FROM balance CROSS JOIN quality CROSS JOIN limits CROSS JOIN films
)
SELECT
    IF(faults = '', 'true', 'false') AS passed,
    IF(faults = '', 'The data are within all limits.', 'The data are not good enough to learn from: ' || faults || '.') AS reason,
    run,
    IF(is_new, 'true', 'false') AS is_new,
    kept_until
FROM judged
