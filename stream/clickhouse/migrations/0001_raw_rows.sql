-- Raw rows as they came, straight from the ledger. One source position holds one event for ever, so a key names it; the
-- event stands in the ledger once or, after a crash of intake, several times with equal content: the first copy stays.
-- A statement ends with a semicolon at the end of its line; each one can be run again without harm.

CREATE TABLE IF NOT EXISTS prediction_rows (
    model            LowCardinality(String) COMMENT 'Model that predicts',
    event_time       DateTime64(3, 'UTC') COMMENT 'When the prediction was due, by the producer [UTC]',
    topic            LowCardinality(String) COMMENT 'Source topic, without the prefix',
    topic_id         LowCardinality(String) COMMENT 'The broker''s id of the source topic',
    partition        UInt16 COMMENT 'Partition of the source topic',
    place            Int64 COMMENT 'Position in the source partition: offset * 65536 + line in the record',
    ledger_partition UInt16 COMMENT 'Partition of the ledger that holds the row',
    ledger_position  Int64 COMMENT 'Offset in that partition',
    known            DateTime64(3, 'UTC') COMMENT 'When the ledger stored it [UTC]',
    model_version    LowCardinality(String) COMMENT 'Version that served it; empty if none did',
    source           LowCardinality(String) COMMENT 'Name of the producer; empty if it gave none',
    prediction_id    String COMMENT 'Identity of the prediction within its model',
    score            Float64 COMMENT 'Probability or predicted value; NaN if there is none',
    label            Float64 COMMENT 'Predicted class or value, where it is a number; NaN otherwise',
    label_text       LowCardinality(String) COMMENT 'Predicted class, where it is a text; empty otherwise',
    latency_ms       Float64 COMMENT 'Time that serving took; NaN if not said [ms]',
    shadow           Map(LowCardinality(String), Float64) COMMENT 'Scores of shadow versions, by version',
    numbers          Map(LowCardinality(String), Float64) COMMENT 'Features that are numbers, by name',
    texts            Map(LowCardinality(String), LowCardinality(String)) COMMENT 'Features that are texts, by name',
    invalid          Array(LowCardinality(String)) COMMENT 'Names of features whose value is no valid one',
    precedence       UInt64 MATERIALIZED toUInt64(9223372036854775807 - ledger_position)
                     COMMENT 'Falls with the ledger position: the highest survives, so the first in the ledger wins',
    INDEX by_id prediction_id TYPE bloom_filter(0.01) GRANULARITY 2
) ENGINE = ReplacingMergeTree(precedence)
PARTITION BY toYYYYMM(event_time)
ORDER BY (model, event_time, topic_id, partition, place)
COMMENT 'Predictions as they came';

CREATE TABLE IF NOT EXISTS label_rows (
    model            LowCardinality(String) COMMENT 'Model that the label is for',
    event_time       DateTime64(3, 'UTC') COMMENT 'When the truth came about, by the producer [UTC]',
    topic            LowCardinality(String) COMMENT 'Source topic, without the prefix',
    topic_id         LowCardinality(String) COMMENT 'The broker''s id of the source topic',
    partition        UInt16 COMMENT 'Partition of the source topic',
    place            Int64 COMMENT 'Position in the source partition: offset * 65536 + line in the record',
    ledger_partition UInt16 COMMENT 'Partition of the ledger that holds the row',
    ledger_position  Int64 COMMENT 'Offset in that partition',
    known            DateTime64(3, 'UTC') COMMENT 'When the ledger stored it [UTC]',
    source           LowCardinality(String) COMMENT 'Name of the producer; empty if it gave none',
    prediction_id    String COMMENT 'Identity of the prediction that it belongs to',
    lane             LowCardinality(String) COMMENT 'truth, or feedback of a user',
    value            Float64 COMMENT 'The label, where it is a number; NaN otherwise',
    text             LowCardinality(String) COMMENT 'The label, where it is a text; empty otherwise',
    revision         UInt8 COMMENT 'Revision of the label, from 0; of one prediction and lane the highest counts',
    precedence       UInt64 MATERIALIZED toUInt64(9223372036854775807 - ledger_position)
                     COMMENT 'Falls with the ledger position: the highest survives, so the first in the ledger wins',
    INDEX by_id prediction_id TYPE bloom_filter(0.01) GRANULARITY 2
) ENGINE = ReplacingMergeTree(precedence)
PARTITION BY toYYYYMM(event_time)
ORDER BY (model, event_time, topic_id, partition, place)
COMMENT 'Labels as they came';

CREATE TABLE IF NOT EXISTS ledger_positions (
    partition UInt16 COMMENT 'Partition of the ledger',
    position  Int64 COMMENT 'All records up to this offset are stored'
) ENGINE = ReplacingMergeTree(position)
ORDER BY partition
COMMENT 'How far the ledger is stored';
