-- Public views of panes: volume, performance, features, estimates.

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

-- The newest value of each metric that was known at an instant: performance_panes_known(known = '2013-05-01 00:00:00').
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

CREATE OR REPLACE VIEW label_maturity (
    model           LowCardinality(String) COMMENT 'Model',
    model_version   LowCardinality(String) COMMENT 'Version that served; empty: none, or all together',
    lineage         LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor         LowCardinality(String) COMMENT 'Monitor',
    segment_key     LowCardinality(String) COMMENT 'Feature that the segment is by; empty for all rows',
    segment_value   LowCardinality(String) COMMENT 'Value of that feature; empty for all rows',
    pane            DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    pane_s          Int64 COMMENT 'Length of the pane [s]',
    rows            Int64 COMMENT 'Predictions of the pane [rows]',
    labels          Int64 COMMENT 'Those whose truth is known [rows]',
    expected_labels Nullable(Float64) COMMENT 'Labels that the reference lets expect; NULL if unknown [rows]',
    coverage        Nullable(Float64) COMMENT 'labels / rows; NULL without rows',
    maturity        Nullable(Float64) COMMENT 'labels / expected_labels',
    mature          Bool COMMENT 'Whether labels enough are there to judge',
    known           DateTime64(3, 'UTC') COMMENT 'When this was known, log clock [UTC]'
) AS
SELECT
    model, model_version, lineage, monitor, segment_key, segment_value, pane, any(pane_s) AS pane_s,
    max(n) AS rows, max(p.labels) AS labels, if(maturity > 0, labels / maturity, NULL) AS expected_labels,
    if(rows > 0, labels / rows, NULL) AS coverage, max(p.maturity) AS maturity, max(p.is_mature) AS mature,
    max(p.known) AS known
FROM performance_panes AS p
GROUP BY model, model_version, lineage, monitor, segment_key, segment_value, pane
COMMENT 'How many labels are there, by pane of prediction. Filter by model and pane';

-- Features by pane, as known at an instant: feature_panes_known(known = '2013-05-01 00:00:00'). All versions together.
CREATE OR REPLACE VIEW feature_panes_known AS
SELECT
    model, '' AS model_version, lineage, monitor, segment_key, segment_value, pane, pane_s, feature,
    sum(s.n) AS n, sum(s.missing) AS missing, sum(s.invalid) AS invalid, sumForEach(s.bins) AS bins,
    length(bins) > 1 ? bins[2] : 0 AS unseen_bin,
    if(isNull(low), 0, unseen_bin) AS below, if(isNull(low), 0, length(bins) > 2 ? bins[-1] : 0) AS above,
    if(isNull(low), unseen_bin, 0) AS unseen,
    minOrNullIf(s.low, isFinite(s.low)) AS low, maxOrNullIf(s.high, isFinite(s.high)) AS high,
    n - missing - invalid AS present,
    if(isNull(low) OR present <= 0, NULL, sum(s.total) / present) AS mean,
    sqrt(greatest(0, sum(s.squares) / present - mean * mean)) AS sd,
    maxOrNullIf(s.psi, isFinite(s.psi)) AS psi, maxOrNullIf(s.js, isFinite(s.js)) AS js,
    maxOrNullIf(s.ks, isFinite(s.ks)) AS ks, maxOrNullIf(s.w1, isFinite(s.w1)) AS w1,
    maxOrNullIf(s.tv, isFinite(s.tv)) AS tv, maxOrNullIf(s.mean_shift_sd, isFinite(s.mean_shift_sd)) AS mean_shift_sd,
    true AS is_final, max(s.arrival) > pane AS amended, min(s.known) AS known
FROM (
    SELECT
        r.model AS model, r.lineage AS lineage, l.monitor AS monitor, r.segment_key AS segment_key,
        r.segment_value AS segment_value, r.pane AS pane, l.pane_s AS pane_s, r.feature AS feature,
        r.arrival AS arrival, r.n AS n, r.missing AS missing, r.invalid AS invalid, r.bins AS bins,
        r.total AS total, r.squares AS squares, r.low AS low, r.high AS high,
        nan AS psi, nan AS js, nan AS ks, nan AS w1, nan AS tv, nan AS mean_shift_sd, r.known AS known
    FROM feature_panes_rows AS r FINAL INNER JOIN lineages AS l ON r.lineage = l.lineage
    WHERE r.pane >= l.shown_from AND r.pane < l.shown_to AND r.known <= {known:DateTime64(3, 'UTC')}
    UNION ALL
    SELECT
        r.model, r.lineage, l.monitor, r.segment_key, r.segment_value, r.pane, l.pane_s, r.feature,
        r.pane, 0, 0, 0, [], 0, 0, nan, nan, r.psi, r.js, r.ks, r.w1, r.tv, r.mean_shift_sd, r.known
    FROM statistics_rows AS r FINAL INNER JOIN lineages AS l ON r.lineage = l.lineage
    WHERE r.pane >= l.shown_from AND r.pane < l.shown_to AND r.known <= {known:DateTime64(3, 'UTC')}
) AS s
GROUP BY model, lineage, monitor, segment_key, segment_value, pane, pane_s, feature;

CREATE OR REPLACE VIEW feature_panes (
    model         LowCardinality(String) COMMENT 'Model',
    model_version LowCardinality(String) COMMENT 'Version that served; empty: none, or all together',
    lineage       LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor       LowCardinality(String) COMMENT 'Monitor',
    segment_key   LowCardinality(String) COMMENT 'Feature that the segment is by; empty for all rows',
    segment_value LowCardinality(String) COMMENT 'Value of that feature; empty for all rows',
    pane          DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    pane_s        Int64 COMMENT 'Length of the pane [s]',
    feature       LowCardinality(String) COMMENT 'Feature',
    n             Int64 COMMENT 'Rows [rows]',
    missing       Int64 COMMENT 'Rows without a value [rows]',
    invalid       Int64 COMMENT 'Rows whose value is no valid one [rows]',
    unseen        Int64 COMMENT 'Rows whose level the reference does not have; of categories [rows]',
    below         Int64 COMMENT 'Rows below all of the reference; of numbers [rows]',
    above         Int64 COMMENT 'Rows above all of the reference; of numbers [rows]',
    mean          Nullable(Float64) COMMENT 'Mean; NULL for categories [unit of the feature]',
    sd            Nullable(Float64) COMMENT 'Standard deviation; NULL for categories [unit of the feature]',
    low           Nullable(Float64) COMMENT 'Smallest value; NULL for categories [unit of the feature]',
    high          Nullable(Float64) COMMENT 'Largest value; NULL for categories [unit of the feature]',
    js            Nullable(Float64) COMMENT 'Jensen-Shannon distance from the reference; NULL without one',
    psi           Nullable(Float64) COMMENT 'Population stability index; NULL without a reference',
    ks            Nullable(Float64) COMMENT 'Kolmogorov-Smirnov distance over the bins; NULL without a reference',
    w1            Nullable(Float64) COMMENT 'Wasserstein distance; NULL without a reference [sd of the reference]',
    tv            Nullable(Float64) COMMENT 'Total variation distance; NULL without a reference',
    mean_shift_sd Nullable(Float64) COMMENT 'Shift of the mean; NULL without a reference [sd of the reference]',
    is_final      Bool COMMENT 'Whether all its rows in time are in; later ones amend it',
    amended       Bool COMMENT 'Whether it changed after it was final',
    known         DateTime64(3, 'UTC') COMMENT 'When this was known first, log clock [UTC]'
) AS
SELECT
    model, model_version, lineage, monitor, segment_key, segment_value, pane, pane_s, feature, n, missing, invalid,
    unseen, below, above, mean, sd, low, high, js, psi, ks, w1, tv, mean_shift_sd, is_final, amended, known
FROM feature_panes_known(known = '2299-01-01 00:00:00')
COMMENT 'Features by pane, all versions and amendments together, with effect sizes of the rows in time. Filter by model and pane';

CREATE OR REPLACE VIEW feature_bins (
    model         LowCardinality(String) COMMENT 'Model',
    model_version LowCardinality(String) COMMENT 'Version that served; empty: none, or all together',
    lineage       LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor       LowCardinality(String) COMMENT 'Monitor',
    segment_key   LowCardinality(String) COMMENT 'Feature that the segment is by; empty for all rows',
    segment_value LowCardinality(String) COMMENT 'Value of that feature; empty for all rows',
    pane          DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    pane_s        Int64 COMMENT 'Length of the pane [s]',
    feature       LowCardinality(String) COMMENT 'Feature',
    kind          LowCardinality(String) COMMENT 'number or category; empty if the reference is not stored',
    bin           Int64 COMMENT 'Number of the bin: 0 missing, 1 below or unseen, then the bins, for numbers the last is above',
    label         String COMMENT 'What the bin holds, in words; the level of a category',
    lo            Nullable(Float64) COMMENT 'Lower edge, inclusive; NULL for missing values and levels [unit of the feature]',
    hi            Nullable(Float64) COMMENT 'Upper edge, exclusive; NULL for missing values and levels [unit of the feature]',
    count         Int64 COMMENT 'Rows in the bin [rows]',
    ref_share     Float64 COMMENT 'Share that the reference lets expect, above 0'
) AS
SELECT
    c.model AS model, '' AS model_version, c.lineage AS lineage, c.monitor AS monitor, c.segment_key AS segment_key,
    c.segment_value AS segment_value, c.pane AS pane, c.pane_s AS pane_s, c.feature AS feature, b.kind AS kind,
    c.bin AS bin, b.label AS label, if(isFinite(b.lo), b.lo, NULL) AS lo, if(isFinite(b.hi), b.hi, NULL) AS hi,
    c.count AS count, b.ref_share AS ref_share
FROM (
    SELECT
        model, lineage, monitor, reference, segment_key, segment_value, pane, pane_s, feature,
        toInt64(number - 1) AS bin, count
    FROM (
        SELECT
            r.model AS model, r.lineage AS lineage, l.monitor AS monitor, l.reference AS reference,
            r.segment_key AS segment_key, r.segment_value AS segment_value, r.pane AS pane, l.pane_s AS pane_s,
            r.feature AS feature, sumForEach(r.bins) AS counts
        FROM feature_panes_rows AS r FINAL INNER JOIN lineages AS l ON r.lineage = l.lineage
        WHERE r.pane >= l.shown_from AND r.pane < l.shown_to
        GROUP BY model, lineage, monitor, reference, segment_key, segment_value, pane, pane_s, feature
    )
    ARRAY JOIN counts AS count, arrayEnumerate(counts) AS number
) AS c
LEFT JOIN (SELECT * FROM reference_bins_rows FINAL) AS b
    ON c.reference = b.reference AND c.feature = b.feature AND c.bin = b.bin
COMMENT 'Counts in the reference''s bins, all versions and amendments together: sums over panes and segments may be compared. Filter by model and pane';

CREATE OR REPLACE VIEW feature_levels (
    model         LowCardinality(String) COMMENT 'Model',
    model_version LowCardinality(String) COMMENT 'Version that served; empty: none, or all together',
    lineage       LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor       LowCardinality(String) COMMENT 'Monitor',
    segment_key   LowCardinality(String) COMMENT 'Feature that the segment is by; empty for all rows',
    segment_value LowCardinality(String) COMMENT 'Value of that feature; empty for all rows',
    pane          DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    pane_s        Int64 COMMENT 'Length of the pane [s]',
    feature       LowCardinality(String) COMMENT 'Feature',
    level         String COMMENT 'Level; unseen: all that the reference does not have; __other__: all beyond 64 while learning',
    count         Int64 COMMENT 'Rows [rows]',
    is_new        Bool COMMENT 'Whether the reference does not have it; false while learning'
) AS
SELECT
    model, model_version, lineage, monitor, segment_key, segment_value, pane, pane_s, feature, label AS level, count,
    bin = 1 AS is_new
FROM feature_bins WHERE kind = 'category' AND bin > 0 AND count > 0
UNION ALL
SELECT
    model, '', lineage, monitor, segment_key, segment_value, pane, pane_s, feature, levels.1, levels.2, false
FROM (
    SELECT
        r.model AS model, r.lineage AS lineage, l.monitor AS monitor, r.segment_key AS segment_key,
        r.segment_value AS segment_value, r.pane AS pane, l.pane_s AS pane_s, r.feature AS feature,
        arrayJoin(CAST(sumMap(r.levels), 'Array(Tuple(String, Int64))')) AS levels
    FROM feature_panes_rows AS r FINAL INNER JOIN lineages AS l ON r.lineage = l.lineage
    WHERE r.pane >= l.shown_from AND r.pane < l.shown_to AND notEmpty(r.levels)
    GROUP BY model, lineage, monitor, segment_key, segment_value, pane, pane_s, feature
)
COMMENT 'Counts by level of categories, all versions and amendments together. Filter by model and pane';

CREATE OR REPLACE VIEW estimate_panes (
    model         LowCardinality(String) COMMENT 'Model',
    model_version LowCardinality(String) COMMENT 'Version; empty for all together',
    lineage       LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    pane          DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    segment_key   LowCardinality(String) COMMENT 'Segment; empty for all rows',
    segment_value String COMMENT 'Value of the segment',
    metric        LowCardinality(String) COMMENT 'Metric',
    estimate      Nullable(Float64) COMMENT 'Value that the answers alone let one expect; valid under covariate shift only [metric]',
    lo            Nullable(Float64) COMMENT 'Lower end of the 95 % interval [metric]',
    hi            Nullable(Float64) COMMENT 'Upper end of the 95 % interval [metric]',
    n             Int64 COMMENT 'Answers [rows]',
    settled       Bool COMMENT 'Whether labels have said what it was',
    measured      Nullable(Float64) COMMENT 'What labels said; NULL before [metric]',
    error         Nullable(Float64) COMMENT 'Estimate less measured; NULL before [metric]',
    inside        Nullable(Bool) COMMENT 'Whether the measured value lies in the interval; NULL before',
    weight        Float64 COMMENT 'How much estimates count for, by their record so far: 0 to 1',
    known         DateTime64(3, 'UTC') COMMENT 'When it was computed, log clock [UTC]'
) AS
SELECT
    e.model AS model, e.model_version AS model_version, e.lineage AS lineage, e.pane AS pane, e.segment_key AS segment_key,
    e.segment_value AS segment_value, e.metric AS metric, if(isFinite(e.estimate), e.estimate, NULL) AS estimate,
    if(isFinite(e.lo), e.lo, NULL) AS lo, if(isFinite(e.hi), e.hi, NULL) AS hi, e.n AS n, e.settled AS settled,
    if(e.settled, e.measured, NULL) AS measured, if(e.settled, e.estimate - e.measured, NULL) AS error,
    if(e.settled, e.inside, NULL) AS inside, e.weight AS weight, e.known AS known
FROM estimates_rows AS e FINAL
LEFT JOIN (SELECT lineage, is_shadow, switch_from, switch_to FROM all_lineages) AS l ON e.lineage = l.lineage
WHERE (e.pane >= l.switch_from AND e.pane < l.switch_to) = l.is_shadow
COMMENT 'Performance as estimated without labels, of the lineages that are shown. Filter by model and pane';

CREATE OR REPLACE VIEW estimate_record (
    model    LowCardinality(String) COMMENT 'Model',
    metric   LowCardinality(String) COMMENT 'Metric',
    settled  UInt64 COMMENT 'Estimates that labels settled, in the 30 days up to the newest of them [panes]',
    inside   UInt64 COMMENT 'Of these, intervals that held what labels said [panes]',
    coverage Nullable(Float64) COMMENT 'Share of the intervals that held; 95 % is promised',
    error    Nullable(Float64) COMMENT 'Mean error: positive if estimates were too high [metric]',
    absolute_error Nullable(Float64) COMMENT 'Mean amount of the error [metric]',
    weight   Float64 COMMENT 'How much estimates count for now: 0 to 1'
) AS
SELECT
    model, metric, countIf(e.settled) AS settled, countIf(ifNull(e.inside, false)) AS inside,
    if(settled > 0, inside / settled, NULL) AS coverage, avg(e.error) AS error, avg(abs(e.error)) AS absolute_error,
    argMax(e.weight, e.known) AS weight
FROM estimate_panes AS e
INNER JOIN (
    SELECT model, metric, max(pane) AS newest FROM estimate_panes WHERE settled GROUP BY model, metric
) AS n USING (model, metric)
WHERE e.pane > n.newest - INTERVAL 30 DAY
GROUP BY model, metric
COMMENT 'How often the estimates of the last 30 days were right';
