-- Every ledger partition counts the same gap of a source: it is shown once.

CREATE OR REPLACE VIEW conservation (
    model      LowCardinality(String) COMMENT 'Model',
    kind       LowCardinality(String) COMMENT 'prediction or label; gap: records of a source that nobody read',
    received   Int64 COMMENT 'Events that came [rows]',
    used       Int64 COMMENT 'Used in the pane of their time [rows]',
    duplicate  Int64 COMMENT 'Dropped: the identity was there before [rows]',
    late_used  Int64 COMMENT 'Used in a later arrival [rows]',
    invalid    Int64 COMMENT 'Dead letters, and what the spec''s checks refused [rows]',
    unmatched  Int64 COMMENT 'Labels without a prediction when the horizon ended [rows]',
    pending    Int64 COMMENT 'Labels that still wait for their prediction [rows]',
    difference Int64 COMMENT 'received minus all that follows: 0 unless an event was lost or doubled [rows]',
    known      DateTime64(3, 'UTC') COMMENT 'When this was known, log clock [UTC]'
) AS
SELECT
    model, kind,
    sum(c.received) AS received, sum(c.used) AS used, sum(c.duplicate) AS duplicate, sum(c.late_used) AS late_used,
    sum(c.invalid) AS invalid, sum(c.unmatched) AS unmatched, sum(c.pending) AS pending,
    received - used - duplicate - late_used - invalid - unmatched - pending AS difference, max(c.known) AS known
FROM (
    SELECT
        model, kind, received, used, duplicate, late_used, invalid, unmatched, pending, known
    FROM conservation_rows FINAL WHERE kind != 'gap'
    UNION ALL
    SELECT
        model, kind, max(received), toInt64(0), toInt64(0), toInt64(0), toInt64(0), toInt64(0), toInt64(0), max(known)
    FROM conservation_rows FINAL WHERE kind = 'gap'
    GROUP BY model, kind, source, if(startsWith(source, 'partials/'), partition, -1)
    UNION ALL
    SELECT
        model, if(topic = 'labels', 'label', 'prediction'), toInt64(1), toInt64(0), toInt64(0), toInt64(0), toInt64(1),
        toInt64(0), toInt64(0), at
    FROM dead_letter_rows FINAL WHERE topic IN ('features', 'predictions', 'labels')
) AS c
GROUP BY model, kind
COMMENT 'Where all events went, by model and kind; the model is empty for what names none';
