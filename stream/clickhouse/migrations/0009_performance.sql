-- What was counted beside each metric, and of several classes which was taken for which.

ALTER TABLE performance_rows ADD COLUMN IF NOT EXISTS tp Int64 DEFAULT -1 COMMENT 'Ones predicted as 1; -1 for tasks without [rows]' AFTER is_mature,
    ADD COLUMN IF NOT EXISTS fp Int64 DEFAULT -1 COMMENT 'Zeros predicted as 1; -1 for tasks without [rows]' AFTER tp,
    ADD COLUMN IF NOT EXISTS fn Int64 DEFAULT -1 COMMENT 'Ones predicted as 0; -1 for tasks without [rows]' AFTER fp,
    ADD COLUMN IF NOT EXISTS tn Int64 DEFAULT -1 COMMENT 'Zeros predicted as 0; -1 for tasks without [rows]' AFTER fn,
    ADD COLUMN IF NOT EXISTS brier Float64 DEFAULT nan COMMENT 'Brier score; NaN for tasks without' AFTER tn,
    ADD COLUMN IF NOT EXISTS ece Float64 DEFAULT nan COMMENT 'Expected calibration error; NaN for tasks without' AFTER brier;

CREATE TABLE IF NOT EXISTS confusions_rows (
    lineage       LowCardinality(String) COMMENT 'Lineage: measuring part of a spec with one reference',
    model         LowCardinality(String) COMMENT 'Model',
    model_version LowCardinality(String) COMMENT 'Version that served; empty for none or all',
    segment_key   LowCardinality(String) COMMENT 'Feature that the segment is by; empty for all rows',
    segment_value LowCardinality(String) COMMENT 'Value of that feature; empty for all rows',
    pane          DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    arrival       DateTime64(3, 'UTC') COMMENT 'Pane in which its labels became known: the pane itself, or later [UTC]',
    predicted     Array(String) COMMENT 'Class that was predicted, by pair',
    truth         Array(String) COMMENT 'Class that was true, by pair',
    counts        Array(Int64) COMMENT 'Rows of each pair [rows]',
    maturity      Float64 COMMENT 'Labels that are there, as share of those expected',
    is_mature     Bool COMMENT 'Whether labels enough are there to judge',
    known         DateTime64(3, 'UTC') COMMENT 'Log clock when it was computed: what ''as known at'' compares with [UTC]',
    position      Int64 COMMENT 'Where in its log it was computed: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
PARTITION BY toYYYYMM(pane)
ORDER BY (lineage, model_version, segment_key, segment_value, pane, arrival)
COMMENT 'Which classes were taken for which in a prediction pane, as known at one arrival';

CREATE OR REPLACE VIEW performance_panes_known AS
SELECT
    model, model_version, lineage, monitor, segment_key, segment_value, pane, pane_s, metric,
    if(isFinite(newest.1), newest.1, NULL) AS value, if(isFinite(newest.2), newest.2, NULL) AS lo,
    if(isFinite(newest.3), newest.3, NULL) AS hi, if(isFinite(newest.4), newest.4, NULL) AS tolerated,
    newest.5 AS n, newest.6 AS labels, if(isFinite(newest.7), newest.7, NULL) AS maturity, newest.8 AS is_mature,
    if(newest.10 >= 0, newest.10, NULL) AS tp, if(newest.11 >= 0, newest.11, NULL) AS fp,
    if(newest.12 >= 0, newest.12, NULL) AS fn, if(newest.13 >= 0, newest.13, NULL) AS tn,
    if(isFinite(newest.14), newest.14, NULL) AS brier, if(isFinite(newest.15), newest.15, NULL) AS ece,
    true AS is_final, mature > 1 AS amended, newest.9 AS known
FROM (
    SELECT
        r.model AS model, r.model_version AS model_version, r.lineage AS lineage, l.monitor AS monitor,
        r.segment_key AS segment_key, r.segment_value AS segment_value, r.pane AS pane, any(l.pane_s) AS pane_s,
        r.metric AS metric, countIf(r.is_mature) AS mature,
        argMax(
            (
                r.value, r.lo, r.hi, r.tolerated, r.rows, r.labels, r.maturity, r.is_mature, r.known,
                r.tp, r.fp, r.fn, r.tn, r.brier, r.ece
            ),
            r.arrival
        ) AS newest
    FROM performance_rows AS r FINAL INNER JOIN lineages AS l ON r.lineage = l.lineage
    WHERE r.pane >= l.shown_from AND r.pane < l.shown_to AND r.known <= {known:DateTime64(3, 'UTC')}
    GROUP BY model, model_version, lineage, monitor, segment_key, segment_value, pane, metric
);

CREATE OR REPLACE VIEW performance_panes (
    model         LowCardinality(String) COMMENT 'Model',
    model_version LowCardinality(String) COMMENT 'Version that served; empty: none, or all together',
    lineage       LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor       LowCardinality(String) COMMENT 'Monitor',
    segment_key   LowCardinality(String) COMMENT 'Feature that the segment is by; empty for all rows',
    segment_value LowCardinality(String) COMMENT 'Value of that feature; empty for all rows',
    pane          DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    pane_s        Int64 COMMENT 'Length of the pane [s]',
    metric        LowCardinality(String) COMMENT 'Metric, as log_loss, auc, rmse',
    value         Nullable(Float64) COMMENT 'Its value; NULL where it is not defined [unit of the metric]',
    lo            Nullable(Float64) COMMENT 'Lower end of its interval [unit of the metric]',
    hi            Nullable(Float64) COMMENT 'Upper end of its interval [unit of the metric]',
    tolerated     Nullable(Float64) COMMENT 'Worst value that is tolerated; NULL if nothing is promised [unit of the metric]',
    n             Int64 COMMENT 'Predictions of the pane [rows]',
    labels        Int64 COMMENT 'Those whose truth is known [rows]',
    maturity      Nullable(Float64) COMMENT 'Labels that are there, as share of those expected',
    is_mature     Bool COMMENT 'Whether labels enough are there to judge',
    tp            Nullable(Int64) COMMENT 'Ones predicted as 1 (score of .5 or more); NULL for tasks without [rows]',
    fp            Nullable(Int64) COMMENT 'Zeros predicted as 1; NULL for tasks without [rows]',
    fn            Nullable(Int64) COMMENT 'Ones predicted as 0; NULL for tasks without [rows]',
    tn            Nullable(Int64) COMMENT 'Zeros predicted as 0; NULL for tasks without [rows]',
    brier         Nullable(Float64) COMMENT 'Brier score of the same labels; NULL for tasks without',
    ece           Nullable(Float64) COMMENT 'Expected calibration error of the same labels; NULL for tasks without',
    is_final      Bool COMMENT 'Whether all predictions in time are in',
    amended       Bool COMMENT 'Whether it changed after it was mature',
    known         DateTime64(3, 'UTC') COMMENT 'When the newest value was known, log clock [UTC]'
) AS
SELECT
    model, model_version, lineage, monitor, segment_key, segment_value, pane, pane_s, metric, value, lo, hi, tolerated,
    n, labels, maturity, is_mature, tp, fp, fn, tn, brier, ece, is_final, amended, known
FROM performance_panes_known(known = '2299-01-01 00:00:00')
COMMENT 'Metrics by pane of prediction, as known now. Filter by model and pane';

CREATE OR REPLACE VIEW segment_panes (
    model         LowCardinality(String) COMMENT 'Model',
    model_version LowCardinality(String) COMMENT 'Version that served; empty: none, or all together',
    lineage       LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor       LowCardinality(String) COMMENT 'Monitor',
    segment_key   LowCardinality(String) COMMENT 'Feature that the segment is by; empty for all rows',
    segment_value LowCardinality(String) COMMENT 'Value of that feature; empty for all rows',
    pane          DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    pane_s        Int64 COMMENT 'Length of the pane [s]',
    metric        LowCardinality(String) COMMENT 'Metric, as log_loss, auc, rmse',
    value         Nullable(Float64) COMMENT 'Its value; NULL where it is not defined [unit of the metric]',
    lo            Nullable(Float64) COMMENT 'Lower end of its interval [unit of the metric]',
    hi            Nullable(Float64) COMMENT 'Upper end of its interval [unit of the metric]',
    tolerated     Nullable(Float64) COMMENT 'Worst value that is tolerated; NULL if nothing is promised [unit of the metric]',
    n             Int64 COMMENT 'Predictions of the pane [rows]',
    labels        Int64 COMMENT 'Those whose truth is known [rows]',
    maturity      Nullable(Float64) COMMENT 'Labels that are there, as share of those expected',
    is_mature     Bool COMMENT 'Whether labels enough are there to judge',
    tp            Nullable(Int64) COMMENT 'Ones predicted as 1 (score of .5 or more); NULL for tasks without [rows]',
    fp            Nullable(Int64) COMMENT 'Zeros predicted as 1; NULL for tasks without [rows]',
    fn            Nullable(Int64) COMMENT 'Ones predicted as 0; NULL for tasks without [rows]',
    tn            Nullable(Int64) COMMENT 'Zeros predicted as 0; NULL for tasks without [rows]',
    brier         Nullable(Float64) COMMENT 'Brier score of the same labels; NULL for tasks without',
    ece           Nullable(Float64) COMMENT 'Expected calibration error of the same labels; NULL for tasks without',
    is_final      Bool COMMENT 'Whether all predictions in time are in',
    amended       Bool COMMENT 'Whether it changed after it was mature',
    known         DateTime64(3, 'UTC') COMMENT 'When the newest value was known, log clock [UTC]'
) AS
SELECT
    model, model_version, lineage, monitor, segment_key, segment_value, pane, pane_s, metric, value, lo, hi, tolerated,
    n, labels, maturity, is_mature, tp, fp, fn, tn, brier, ece, is_final, amended, known
FROM performance_panes_known(known = '2299-01-01 00:00:00')
WHERE segment_key != ''
COMMENT 'performance_panes of segments only, not of all rows. Filter by model and pane';

CREATE OR REPLACE VIEW confusion_panes (
    model         LowCardinality(String) COMMENT 'Model',
    model_version LowCardinality(String) COMMENT 'Version that served; empty: none, or all together',
    lineage       LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor       LowCardinality(String) COMMENT 'Monitor',
    segment_key   LowCardinality(String) COMMENT 'Feature that the segment is by; empty for all rows',
    segment_value LowCardinality(String) COMMENT 'Value of that feature; empty for all rows',
    pane          DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    pane_s        Int64 COMMENT 'Length of the pane [s]',
    predicted     String COMMENT 'Class that was predicted; __other__ for pairs beyond the 4,096 that are told apart',
    truth         String COMMENT 'Class that was true; __other__ likewise',
    n             Int64 COMMENT 'Labelled rows of this pair [rows]',
    maturity      Nullable(Float64) COMMENT 'Labels that are there, as share of those expected',
    is_mature     Bool COMMENT 'Whether labels enough are there to judge',
    known         DateTime64(3, 'UTC') COMMENT 'When the newest value was known, log clock [UTC]'
) AS
SELECT
    model, model_version, lineage, monitor, segment_key, segment_value, pane, pane_s, pair.1 AS predicted, pair.2 AS truth,
    pair.3 AS n, if(isFinite(newest.4), newest.4, NULL) AS maturity, newest.5 AS is_mature, newest.6 AS known
FROM (
    SELECT
        r.model AS model, r.model_version AS model_version, r.lineage AS lineage, l.monitor AS monitor,
        r.segment_key AS segment_key, r.segment_value AS segment_value, r.pane AS pane, any(l.pane_s) AS pane_s,
        argMax((r.predicted, r.truth, r.counts, r.maturity, r.is_mature, r.known), r.arrival) AS newest
    FROM confusions_rows AS r FINAL INNER JOIN lineages AS l ON r.lineage = l.lineage
    WHERE r.pane >= l.shown_from AND r.pane < l.shown_to
    GROUP BY model, model_version, lineage, monitor, segment_key, segment_value, pane
)
ARRAY JOIN arrayZip(newest.1, newest.2, newest.3) AS pair
COMMENT 'Which classes were taken for which, by pane of prediction, as known now. Filter by model and pane';

CREATE OR REPLACE VIEW class_panes (
    model         LowCardinality(String) COMMENT 'Model',
    model_version LowCardinality(String) COMMENT 'Version that served; empty: none, or all together',
    lineage       LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor       LowCardinality(String) COMMENT 'Monitor',
    segment_key   LowCardinality(String) COMMENT 'Feature that the segment is by; empty for all rows',
    segment_value LowCardinality(String) COMMENT 'Value of that feature; empty for all rows',
    pane          DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    pane_s        Int64 COMMENT 'Length of the pane [s]',
    class         String COMMENT 'Class',
    n             Int64 COMMENT 'Labelled rows that are truly of this class [rows]',
    predicted     Int64 COMMENT 'Labelled rows that were predicted to be [rows]',
    tp            Int64 COMMENT 'Rows of this class predicted as such [rows]',
    fp            Int64 COMMENT 'Rows of others predicted as this one [rows]',
    fn            Int64 COMMENT 'Rows of this class predicted as others [rows]',
    tn            Int64 COMMENT 'Rows of others predicted as others [rows]',
    precision     Nullable(Float64) COMMENT 'tp / predicted; NULL if it was never predicted',
    precision_lo  Nullable(Float64) COMMENT 'Lower end of its 95 % interval (Wilson)',
    precision_hi  Nullable(Float64) COMMENT 'Upper end of its 95 % interval (Wilson)',
    recall        Nullable(Float64) COMMENT 'tp / n; NULL if it was never true',
    recall_lo     Nullable(Float64) COMMENT 'Lower end of its 95 % interval (Wilson)',
    recall_hi     Nullable(Float64) COMMENT 'Upper end of its 95 % interval (Wilson)',
    f1            Nullable(Float64) COMMENT 'Harmonic mean of precision and recall: 2 tp / (n + predicted)',
    maturity      Nullable(Float64) COMMENT 'Labels that are there, as share of those expected',
    is_mature     Bool COMMENT 'Whether labels enough are there to judge',
    known         DateTime64(3, 'UTC') COMMENT 'When the newest value was known, log clock [UTC]'
) AS
SELECT
    model, model_version, lineage, monitor, segment_key, segment_value, pane, pane_s, class, n, predicted, tp,
    predicted - tp AS fp, n - tp AS fn, sum(n) OVER (PARTITION BY model, model_version, lineage, monitor, segment_key, segment_value, pane) - n - predicted + tp AS tn,
    if(predicted > 0, tp / predicted, NULL) AS precision,
    if(predicted > 0, greatest(0, ((tp / predicted + 1.9207294 / predicted) - 1.959964 * sqrt(tp / predicted * (1 - tp / predicted) / predicted + 0.9603647 / pow(predicted, 2))) / (1 + 3.8414588 / predicted)), NULL) AS precision_lo,
    if(predicted > 0, least(1, ((tp / predicted + 1.9207294 / predicted) + 1.959964 * sqrt(tp / predicted * (1 - tp / predicted) / predicted + 0.9603647 / pow(predicted, 2))) / (1 + 3.8414588 / predicted)), NULL) AS precision_hi,
    if(n > 0, tp / n, NULL) AS recall,
    if(n > 0, greatest(0, ((tp / n + 1.9207294 / n) - 1.959964 * sqrt(tp / n * (1 - tp / n) / n + 0.9603647 / pow(n, 2))) / (1 + 3.8414588 / n)), NULL) AS recall_lo,
    if(n > 0, least(1, ((tp / n + 1.9207294 / n) + 1.959964 * sqrt(tp / n * (1 - tp / n) / n + 0.9603647 / pow(n, 2))) / (1 + 3.8414588 / n)), NULL) AS recall_hi,
    if(n + predicted > 0, 2 * tp / (n + predicted), NULL) AS f1, maturity, is_mature, known
FROM (
    SELECT
        model, model_version, lineage, monitor, segment_key, segment_value, pane, pane_s, part.1 AS class, sum(part.2) AS n, sum(part.3) AS predicted, sum(part.4) AS tp,
        any(maturity) AS maturity, any(is_mature) AS is_mature, max(known) AS known
    FROM (
        SELECT
            c.* EXCEPT (n, predicted, truth),
            arrayJoin(if(c.predicted = c.truth AND c.truth != '__other__', [(c.truth, c.n, c.n, c.n)],
                [(c.truth, c.n, toInt64(0), toInt64(0)), (c.predicted, toInt64(0), c.n, toInt64(0))])) AS part
        FROM confusion_panes AS c
    )
    GROUP BY model, model_version, lineage, monitor, segment_key, segment_value, pane, pane_s, class
)
COMMENT 'Precision and recall of each class, by pane of prediction, as known now. Filter by model and pane';

CREATE TABLE IF NOT EXISTS disparities_rows (
    lineage       LowCardinality(String) COMMENT 'Lineage: measuring part of a spec with one reference',
    model         LowCardinality(String) COMMENT 'Model',
    model_version LowCardinality(String) COMMENT 'Version that served; empty for none or all',
    segment_key   LowCardinality(String) COMMENT 'Protected segment',
    segment_value LowCardinality(String) COMMENT 'Group: a value of that feature',
    pane          DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    arrival       DateTime64(3, 'UTC') COMMENT 'Pane in which its rows or labels became known: the pane itself, or later [UTC]',
    metric        LowCardinality(String) COMMENT 'Metric, as selection_rate, true_positive_rate, mae',
    value         Float64 COMMENT 'Of the group [unit of the metric]',
    rest          Float64 COMMENT 'Of all other groups together [unit of the metric]',
    difference    Float64 COMMENT 'value - rest [unit of the metric]',
    lo            Float64 COMMENT 'Lower end of its 95 % interval [unit of the metric]',
    hi            Float64 COMMENT 'Upper end of its 95 % interval [unit of the metric]',
    n             Int64 COMMENT 'Rows of the group that the metric is of [rows]',
    rest_n        Int64 COMMENT 'Rows of the rest that the metric is of [rows]',
    maturity      Float64 COMMENT 'Labels that are there, as share of those expected; 1 where none is needed',
    is_mature     Bool COMMENT 'Whether labels enough are there to judge',
    known         DateTime64(3, 'UTC') COMMENT 'Log clock when it was computed: what ''as known at'' compares with [UTC]',
    position      Int64 COMMENT 'Where in its log it was computed: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
PARTITION BY toYYYYMM(pane)
ORDER BY (lineage, metric, model_version, segment_key, segment_value, pane, arrival)
COMMENT 'Groups of protected segments against the rest in a prediction pane, as known at one arrival';

CREATE OR REPLACE VIEW disparities (
    model         LowCardinality(String) COMMENT 'Model',
    model_version LowCardinality(String) COMMENT 'Version that served; empty: none, or all together',
    lineage       LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor       LowCardinality(String) COMMENT 'Monitor',
    segment_key   LowCardinality(String) COMMENT 'Protected segment',
    segment_value LowCardinality(String) COMMENT 'Group: a value of that feature',
    pane          DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    pane_s        Int64 COMMENT 'Length of the pane [s]',
    metric        LowCardinality(String) COMMENT 'Metric: selection_rate, true_positive_rate, false_positive_rate, accuracy; bias, mae',
    value         Float64 COMMENT 'Of the group [unit of the metric]',
    rest          Float64 COMMENT 'Of all other groups together [unit of the metric]',
    difference    Float64 COMMENT 'value - rest [unit of the metric]',
    lo            Float64 COMMENT 'Lower end of its 95 % interval, after Newcombe or Welch [unit of the metric]',
    hi            Float64 COMMENT 'Upper end of its 95 % interval, after Newcombe or Welch [unit of the metric]',
    n             Int64 COMMENT 'Rows of the group that the metric is of [rows]',
    rest_n        Int64 COMMENT 'Rows of the rest that the metric is of [rows]',
    maturity      Float64 COMMENT 'Labels that are there, as share of those expected; 1 where none is needed',
    is_mature     Bool COMMENT 'Whether labels enough are there to judge',
    known         DateTime64(3, 'UTC') COMMENT 'When the newest value was known, log clock [UTC]'
) AS
SELECT
    model, model_version, lineage, monitor, segment_key, segment_value, pane, pane_s, metric, newest.1 AS value,
    newest.2 AS rest, newest.3 AS difference, newest.4 AS lo, newest.5 AS hi, newest.6 AS n, newest.7 AS rest_n,
    newest.8 AS maturity, newest.9 AS is_mature, newest.10 AS known
FROM (
    SELECT
        r.model AS model, r.model_version AS model_version, r.lineage AS lineage, l.monitor AS monitor,
        r.segment_key AS segment_key, r.segment_value AS segment_value, r.pane AS pane, any(l.pane_s) AS pane_s,
        r.metric AS metric,
        argMax(
            (r.value, r.rest, r.difference, r.lo, r.hi, r.n, r.rest_n, r.maturity, r.is_mature, r.known), r.arrival
        ) AS newest
    FROM disparities_rows AS r FINAL INNER JOIN lineages AS l ON r.lineage = l.lineage
    WHERE r.pane >= l.shown_from AND r.pane < l.shown_to
    GROUP BY model, model_version, lineage, monitor, segment_key, segment_value, pane, metric
)
COMMENT 'Each group of a protected segment against the rest, by pane of prediction, as known now. Filter by model and pane';
