-- A label may be revised: the same prediction and lane again, with a higher revision. Of several the highest counts, and
-- of those the first in the ledger.

ALTER TABLE label_rows ADD COLUMN IF NOT EXISTS revision UInt8 DEFAULT 0
    COMMENT 'Revision of the label, from 0; of one prediction and lane the highest counts' AFTER text;

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
