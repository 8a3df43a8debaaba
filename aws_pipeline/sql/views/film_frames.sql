-- The label of every labelled frame of every film. A frame without a row is unknown, not rest.
CREATE OR REPLACE VIEW film_frames AS
SELECT lab_id, video_id, CAST(frame AS integer) AS frame, action, written
FROM film_labels
CROSS JOIN UNNEST(sequence(start_frame, stop_frame - 1)) AS frames (frame)
