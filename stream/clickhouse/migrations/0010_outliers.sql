-- Rows that are unlike all of the reference's, beside the others of a pane.

ALTER TABLE panes_rows ADD COLUMN IF NOT EXISTS outliers Int64 DEFAULT -1 COMMENT 'Rows that are unlike all of the reference''s; -1 where they are not told [rows]' AFTER invalid;

CREATE OR REPLACE VIEW volume_panes (
    model          LowCardinality(String) COMMENT 'Model',
    model_version  LowCardinality(String) COMMENT 'Version that served; empty: none, or all together',
    lineage        LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor        LowCardinality(String) COMMENT 'Monitor',
    segment_key    LowCardinality(String) COMMENT 'Feature that the segment is by; empty for all rows',
    segment_value  LowCardinality(String) COMMENT 'Value of that feature; empty for all rows',
    pane           DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    pane_s         Int64 COMMENT 'Length of the pane [s]',
    n              Int64 COMMENT 'Rows used [rows]',
    rows           Int64 COMMENT 'The same as n [rows]',
    labels         Int64 COMMENT 'Rows whose truth is known [rows]',
    coverage       Nullable(Float64) COMMENT 'labels / rows; NULL without rows',
    duplicates     Int64 COMMENT 'Rows dropped since their identity was there before [rows]',
    invalid        Int64 COMMENT 'Rows with an invalid value [rows]',
    outliers       Nullable(Int64) COMMENT 'Rows that are unlike all of the reference''s, over all inputs; NULL in segments, and where the reference knows none [rows]',
    latency_p50_ms Nullable(Float64) COMMENT 'Median time of serving, of the rows in time [ms]',
    latency_p95_ms Nullable(Float64) COMMENT '95 % of servings took at most this, of the rows in time [ms]',
    is_final       Bool COMMENT 'Whether all its rows in time are in; later ones amend it',
    amended        Bool COMMENT 'Whether it changed after it was final',
    known          DateTime64(3, 'UTC') COMMENT 'When this was known first, log clock [UTC]'
) AS
SELECT
    r.model AS model, r.model_version AS model_version, r.lineage AS lineage, l.monitor AS monitor,
    r.segment_key AS segment_key, r.segment_value AS segment_value, r.pane AS pane, any(r.pane_s) AS pane_s,
    sum(r.n) AS n, n AS rows, sum(r.labels) AS labels, if(n > 0, labels / n, NULL) AS coverage,
    sum(r.duplicates) AS duplicates, sum(r.invalid) AS invalid,
    if(min(r.outliers) < 0, NULL, sum(r.outliers)) AS outliers,
    argMin(if(isFinite(r.latency_p50_ms), r.latency_p50_ms, NULL), r.arrival) AS latency_p50_ms,
    argMin(if(isFinite(r.latency_p95_ms), r.latency_p95_ms, NULL), r.arrival) AS latency_p95_ms,
    true AS is_final, max(r.arrival) > r.pane AS amended, min(r.known) AS known
FROM panes_rows AS r FINAL INNER JOIN lineages AS l ON r.lineage = l.lineage
WHERE r.pane >= l.shown_from AND r.pane < l.shown_to
GROUP BY model, model_version, lineage, monitor, segment_key, segment_value, pane
COMMENT 'Rows and labels by pane, amendments included. Filter by model and pane';
