-- Public views of events, and of what became of them.

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

CREATE OR REPLACE VIEW producers (
    source     LowCardinality(String) COMMENT 'Producer; empty if it gave no name',
    model      LowCardinality(String) COMMENT 'Model',
    kind       LowCardinality(String) COMMENT 'prediction or label',
    accepted   Int64 COMMENT 'Events that were read [rows]',
    refused    Int64 COMMENT 'Dead letters that name producer and model [rows]',
    received   Int64 COMMENT 'Events that came [rows]',
    used       Int64 COMMENT 'Used in the pane of their time [rows]',
    duplicate  Int64 COMMENT 'Dropped: the identity was there before [rows]',
    late_used  Int64 COMMENT 'Used in a later arrival [rows]',
    invalid    Int64 COMMENT 'Refused by the spec''s checks [rows]',
    unmatched  Int64 COMMENT 'Without their other half when the horizon ended, or too late [rows]',
    pending    Int64 COMMENT 'Still waiting [rows]',
    difference Int64 COMMENT 'received minus all that follows: 0 unless an event was lost or doubled [rows]',
    known      DateTime64(3, 'UTC') COMMENT 'When this was known, log clock [UTC]'
) AS
SELECT
    source, model, kind, received AS accepted, any(d.refused) AS refused,
    sum(c.received) AS received, sum(c.used) AS used, sum(c.duplicate) AS duplicate, sum(c.late_used) AS late_used,
    sum(c.invalid) AS invalid, sum(c.unmatched) AS unmatched, sum(c.pending) AS pending,
    received - used - duplicate - late_used - invalid - unmatched - pending AS difference, max(c.known) AS known
FROM (SELECT * FROM conservation_rows FINAL) AS c
LEFT JOIN (
    SELECT source, model, if(topic = 'labels', 'label', 'prediction') AS kind, toInt64(count()) AS refused
    FROM dead_letter_rows FINAL GROUP BY source, model, kind
) AS d ON c.source = d.source AND c.model = d.model AND c.kind = d.kind
GROUP BY c.source AS source, c.model AS model, c.kind AS kind
COMMENT 'Where the events of each producer went';

CREATE OR REPLACE VIEW dead_letters (
    reason    LowCardinality(String) COMMENT 'Code of the reason',
    at        DateTime64(3, 'UTC') COMMENT 'When its topic stored it [UTC]',
    topic     LowCardinality(String) COMMENT 'Topic of the record',
    partition Int64 COMMENT 'Its partition',
    offset    Int64 COMMENT 'Its offset',
    line      Int64 COMMENT 'Line in the record, from 0',
    position  Int64 COMMENT 'Position in the source partition: offset * 65536 + line in the record',
    field     String COMMENT 'Field that is wrong; empty if all of it',
    message   String COMMENT 'What is wrong, in one sentence',
    hint      String COMMENT 'What may have been meant; empty if unknown',
    excerpt   String COMMENT 'Begin of the record',
    model     LowCardinality(String) COMMENT 'Model',
    source    LowCardinality(String) COMMENT 'Producer that it names; empty if unknown',
    size      Int64 COMMENT 'Size of the record [bytes]'
) AS
SELECT
    reason, at, topic, partition, offset, line, offset * 65536 + line AS position, field, message, hint, excerpt, model,
    source, size
FROM dead_letter_rows FINAL
COMMENT 'Events and records that could not be read';

CREATE OR REPLACE VIEW predictions (
    model            LowCardinality(String) COMMENT 'Model',
    model_version    LowCardinality(String) COMMENT 'Version that served it; empty if none did',
    prediction_id    String COMMENT 'Identity within the model',
    event_time       DateTime64(3, 'UTC') COMMENT 'When it was due, by the producer [UTC]',
    source           LowCardinality(String) COMMENT 'Producer; empty if it gave no name',
    score            Nullable(Float64) COMMENT 'Probability or predicted value; NULL if there is none',
    label            Nullable(Float64) COMMENT 'Predicted class or value, where it is a number',
    label_text       LowCardinality(String) COMMENT 'Predicted class, where it is a text; empty otherwise',
    latency_ms       Nullable(Float64) COMMENT 'Time that serving took [ms]',
    shadow           Map(LowCardinality(String), Float64) COMMENT 'Scores of shadow versions, by version',
    numbers          Map(LowCardinality(String), Float64) COMMENT 'Features that are numbers, by name',
    texts            Map(LowCardinality(String), LowCardinality(String)) COMMENT 'Features that are texts, by name',
    invalid          Array(LowCardinality(String)) COMMENT 'Names of features whose value is no valid one',
    topic            LowCardinality(String) COMMENT 'Source topic',
    partition        Int64 COMMENT 'Partition of the source topic',
    position         Int64 COMMENT 'Position in the source partition: offset * 65536 + line in the record',
    arrival          DateTime64(3, 'UTC') COMMENT 'When the ledger stored it [UTC]',
    ledger_partition Int64 COMMENT 'Partition of the ledger that holds it',
    ledger_position  Int64 COMMENT 'Offset in that partition',
    fate             LowCardinality(String) COMMENT 'used, or what else became of it: duplicate, too-late, unmatched, invalid …',
    reason           LowCardinality(String) COMMENT 'Why; empty if used'
) AS
SELECT
    r.model AS model, r.model_version AS model_version, r.prediction_id AS prediction_id, r.event_time AS event_time,
    r.source AS source, if(isFinite(r.score), r.score, NULL) AS score, if(isFinite(r.label), r.label, NULL) AS label,
    r.label_text AS label_text, if(isFinite(r.latency_ms), r.latency_ms, NULL) AS latency_ms, r.shadow AS shadow,
    r.numbers AS numbers, r.texts AS texts, r.invalid AS invalid,
    r.topic AS topic, r.partition AS partition, r.place AS position, r.known AS arrival,
    r.ledger_partition AS ledger_partition, r.ledger_position AS ledger_position,
    if(f.fate = '', 'used', f.fate) AS fate, f.reason AS reason
FROM prediction_rows AS r FINAL
LEFT ANY JOIN (
    SELECT model, topic, partition, place, fate, reason FROM fates_rows FINAL WHERE kind = 'prediction'
) AS f ON r.model = f.model AND r.topic = f.topic AND r.partition = f.partition AND r.place = f.place
COMMENT 'Predictions as they came, with what became of them. Large: filter by model and event_time';

-- A label may be revised: the same prediction and lane again, with a higher revision. Of several the highest counts, and
-- of those the first in the ledger.
CREATE OR REPLACE VIEW labels (
    model            LowCardinality(String) COMMENT 'Model',
    prediction_id    String COMMENT 'Prediction that it belongs to',
    event_time       DateTime64(3, 'UTC') COMMENT 'When the truth came about, by the producer [UTC]',
    source           LowCardinality(String) COMMENT 'Producer; empty if it gave no name',
    lane             LowCardinality(String) COMMENT 'truth, or feedback of a user',
    label            Nullable(Float64) COMMENT 'The label, where it is a number',
    label_text       LowCardinality(String) COMMENT 'The label, where it is a text; empty otherwise',
    revision         UInt8 COMMENT 'Revision, from 0; of one prediction and lane the highest counts',
    topic            LowCardinality(String) COMMENT 'Source topic',
    partition        Int64 COMMENT 'Partition of the source topic',
    position         Int64 COMMENT 'Position in the source partition: offset * 65536 + line in the record',
    arrival          DateTime64(3, 'UTC') COMMENT 'When the ledger stored it [UTC]',
    ledger_partition Int64 COMMENT 'Partition of the ledger that holds it',
    ledger_position  Int64 COMMENT 'Offset in that partition',
    fate             LowCardinality(String) COMMENT 'used, or what else became of it: duplicate, too-late, unmatched, invalid …',
    reason           LowCardinality(String) COMMENT 'Why; empty if used'
) AS
SELECT
    r.model AS model, r.prediction_id AS prediction_id, r.event_time AS event_time, r.source AS source, r.lane AS lane,
    if(isFinite(r.value), r.value, NULL) AS label, r.text AS label_text, r.revision AS revision,
    r.topic AS topic, r.partition AS partition, r.place AS position, r.known AS arrival,
    r.ledger_partition AS ledger_partition, r.ledger_position AS ledger_position,
    if(f.fate = '', 'used', f.fate) AS fate, f.reason AS reason
FROM label_rows AS r FINAL
LEFT ANY JOIN (
    SELECT model, topic, partition, place, fate, reason FROM fates_rows FINAL WHERE kind = 'label'
) AS f ON r.model = f.model AND r.topic = f.topic AND r.partition = f.partition AND r.place = f.place
COMMENT 'Labels as they came, with what became of them. Large: filter by model and event_time';
