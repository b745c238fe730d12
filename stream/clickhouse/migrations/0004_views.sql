-- The public views: names and columns are the contract (docs/data-dictionary.md), tables are not. FINAL is inside, so each
-- row is the newest of its key. What is not defined is NULL, never NaN. The unit stands at the end of a comment, in
-- brackets.
--
-- Of the lineages of a monitor each pane shows one: a lineage from its first rows on, until the next one has rows. So
-- panes of different bins never add up, and history stays.

CREATE TABLE IF NOT EXISTS lineage_panes (
    lineage LowCardinality(String) COMMENT 'Lineage',
    pane_s  SimpleAggregateFunction(max, Int64) COMMENT 'Length of its panes [s]',
    first   SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'First arrival with rows [UTC]'
) ENGINE = AggregatingMergeTree ORDER BY lineage
COMMENT 'What panes each lineage has, filled from panes_rows; smallest and largest, so rows may come twice';

CREATE MATERIALIZED VIEW IF NOT EXISTS lineage_panes_of_rows TO lineage_panes AS
SELECT lineage, max(pane_s) AS pane_s, min(arrival) AS first FROM panes_rows WHERE n > 0 GROUP BY lineage;

CREATE OR REPLACE VIEW lineages (
    lineage    LowCardinality(String) COMMENT 'Lineage: measuring part of a spec with one reference',
    monitor    LowCardinality(String) COMMENT 'Monitor',
    model      LowCardinality(String) COMMENT 'Model',
    revision   Int64 COMMENT 'Revision of the spec that began it',
    reference  LowCardinality(String) COMMENT 'sha256 of the reference; empty while learning',
    pane_s     Int64 COMMENT 'Length of its panes; 0 before the first with rows is final [s]',
    start      DateTime64(3, 'UTC') COMMENT 'First instant that it measures, event time [UTC]',
    shown_from DateTime64(3, 'UTC') COMMENT 'Views show its panes from here [UTC]',
    shown_to   DateTime64(3, 'UTC') COMMENT 'Views show its panes up to here, and from there on the next lineage''s [UTC]',
    is_live    Bool COMMENT 'Whether it is the newest of its monitor',
    spec       String COMMENT 'The spec, as JSON',
    known      DateTime64(3, 'UTC') COMMENT 'When this was known first, log clock [UTC]'
) AS
SELECT
    l.lineage AS lineage, l.monitor AS monitor, l.model AS model, l.revision AS revision, l.reference AS reference,
    l.pane_s AS pane_s, l.start AS start,
    if(row_number() OVER in_order = 1, toDateTime64('1900-01-01 00:00:00', 3, 'UTC'), l.first) AS shown_from,
    if(is_live, toDateTime64('2299-01-01 00:00:00', 3, 'UTC'), min(l.first) OVER later) AS shown_to,
    row_number() OVER in_order = count() OVER in_order AS is_live,
    l.spec AS spec, l.known AS known
FROM (
    SELECT
        r.*, p.pane_s AS pane_s,
        if(p.pane_s = 0, toDateTime64('2299-01-01 00:00:00', 3, 'UTC'), greatest(r.start, p.first)) AS first
    FROM (SELECT * FROM lineages_rows FINAL) AS r
    LEFT JOIN (
        SELECT lineage, max(pane_s) AS pane_s, min(first) AS first FROM lineage_panes GROUP BY lineage
    ) AS p ON r.lineage = p.lineage
) AS l
WINDOW
    in_order AS (
        PARTITION BY l.model, l.monitor ORDER BY l.revision, l.position
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ),
    later AS (
        PARTITION BY l.model, l.monitor ORDER BY l.revision, l.position
        ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    )
COMMENT 'Lineages, and which panes are shown of each';

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
    true AS is_final, mature > 1 AS amended, newest.9 AS known
FROM (
    SELECT
        r.model AS model, r.model_version AS model_version, r.lineage AS lineage, l.monitor AS monitor,
        r.segment_key AS segment_key, r.segment_value AS segment_value, r.pane AS pane, any(l.pane_s) AS pane_s,
        r.metric AS metric, countIf(r.is_mature) AS mature,
        argMax(
            (r.value, r.lo, r.hi, r.tolerated, r.rows, r.labels, r.maturity, r.is_mature, r.known), r.arrival
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
    is_final      Bool COMMENT 'Whether all predictions in time are in',
    amended       Bool COMMENT 'Whether it changed after it was mature',
    known         DateTime64(3, 'UTC') COMMENT 'When the newest value was known, log clock [UTC]'
) AS
SELECT
    model, model_version, lineage, monitor, segment_key, segment_value, pane, pane_s, metric, value, lo, hi, tolerated,
    n, labels, maturity, is_mature, is_final, amended, known
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
    is_final      Bool COMMENT 'Whether all predictions in time are in',
    amended       Bool COMMENT 'Whether it changed after it was mature',
    known         DateTime64(3, 'UTC') COMMENT 'When the newest value was known, log clock [UTC]'
) AS
SELECT
    model, model_version, lineage, monitor, segment_key, segment_value, pane, pane_s, metric, value, lo, hi, tolerated,
    n, labels, maturity, is_mature, is_final, amended, known
FROM performance_panes_known(known = '2299-01-01 00:00:00')
WHERE segment_key != ''
COMMENT 'performance_panes of segments only, not of all rows. Filter by model and pane';

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

CREATE OR REPLACE VIEW verdicts (
    id          String COMMENT 'Verdict',
    model       LowCardinality(String) COMMENT 'Model',
    lineage     LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor     LowCardinality(String) COMMENT 'Monitor',
    pane        DateTime64(3, 'UTC') COMMENT 'Start of the newest pane that is judged, event time [UTC]',
    target      LowCardinality(String) COMMENT 'Feature or metric that is judged',
    kind        LowCardinality(String) COMMENT 'What is judged: drift, performance, volume …',
    scale       Int64 COMMENT 'Length of all panes that are judged together [s]',
    status      LowCardinality(String) COMMENT 'learning, insufficient, stable, warning, drift, no-data …',
    statistic   Nullable(Float64) COMMENT 'Test statistic',
    threshold   Nullable(Float64) COMMENT 'Value of the statistic above which it counts',
    p           Nullable(Float64) COMMENT 'p-value of this pane alone',
    n           Int64 COMMENT 'Rows or labels judged [rows]',
    effect      Nullable(Float64) COMMENT 'Size of the change [see effect_name]',
    effect_name LowCardinality(String) COMMENT 'What the effect is measured in',
    floor       Nullable(Float64) COMMENT 'Smallest effect that matters [see effect_name]',
    lo          Nullable(Float64) COMMENT 'Lower end of the effect''s interval [see effect_name]',
    hi          Nullable(Float64) COMMENT 'Upper end of the effect''s interval [see effect_name]',
    reason      String COMMENT 'Why, in one sentence',
    known       DateTime64(3, 'UTC') COMMENT 'When it was decided, log clock [UTC]'
) AS
SELECT
    v.id AS id, v.model AS model, v.lineage AS lineage, v.monitor AS monitor, v.pane AS pane,
    v.target AS target, v.kind AS kind, v.pane_s AS scale, v.status AS status,
    if(isFinite(v.statistic), v.statistic, NULL) AS statistic, if(isFinite(v.threshold), v.threshold, NULL) AS threshold,
    if(isFinite(v.p), v.p, NULL) AS p, v.n AS n, if(isFinite(v.effect), v.effect, NULL) AS effect, v.effect_name AS effect_name,
    if(isFinite(v.floor), v.floor, NULL) AS floor, if(isFinite(v.lo), v.lo, NULL) AS lo, if(isFinite(v.hi), v.hi, NULL) AS hi,
    v.reason AS reason, v.known AS known
FROM verdicts_rows AS v FINAL
COMMENT 'Decisions about features and metrics, one for each target and pane. Filter by model and pane';

CREATE OR REPLACE VIEW feature_verdicts (
    id          String COMMENT 'Verdict',
    model       LowCardinality(String) COMMENT 'Model',
    lineage     LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor     LowCardinality(String) COMMENT 'Monitor',
    pane        DateTime64(3, 'UTC') COMMENT 'Start of the newest pane that is judged, event time [UTC]',
    target      LowCardinality(String) COMMENT 'Feature or metric that is judged',
    kind        LowCardinality(String) COMMENT 'What is judged: drift, performance, volume …',
    scale       Int64 COMMENT 'Length of all panes that are judged together [s]',
    status      LowCardinality(String) COMMENT 'learning, insufficient, stable, warning, drift, no-data …',
    statistic   Nullable(Float64) COMMENT 'Test statistic',
    threshold   Nullable(Float64) COMMENT 'Value of the statistic above which it counts',
    p           Nullable(Float64) COMMENT 'p-value of this pane alone',
    n           Int64 COMMENT 'Rows or labels judged [rows]',
    effect      Nullable(Float64) COMMENT 'Size of the change [see effect_name]',
    effect_name LowCardinality(String) COMMENT 'What the effect is measured in',
    floor       Nullable(Float64) COMMENT 'Smallest effect that matters [see effect_name]',
    lo          Nullable(Float64) COMMENT 'Lower end of the effect''s interval [see effect_name]',
    hi          Nullable(Float64) COMMENT 'Upper end of the effect''s interval [see effect_name]',
    reason      String COMMENT 'Why, in one sentence',
    known       DateTime64(3, 'UTC') COMMENT 'When it was decided, log clock [UTC]'
) AS
SELECT
    id, model, lineage, monitor, pane, target, kind, scale, status, statistic, threshold, p, n, effect, effect_name,
    floor, lo, hi, reason, known
FROM verdicts WHERE kind = 'drift'
COMMENT 'The verdicts whose target is a feature. Filter by model and pane';

CREATE OR REPLACE VIEW incidents (
    id       String COMMENT 'Incident',
    model    LowCardinality(String) COMMENT 'Model',
    lineage  LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor  LowCardinality(String) COMMENT 'Monitor',
    kind     LowCardinality(String) COMMENT 'Kind of fault',
    level    LowCardinality(String) COMMENT 'page, warn or info',
    title    String COMMENT 'What happened, in one sentence',
    features Array(String) COMMENT 'Features it is about',
    opened   DateTime64(3, 'UTC') COMMENT 'When it was opened, event time [UTC]',
    closed   Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was closed, event time; NULL while it is open [UTC]',
    since    DateTime64(3, 'UTC') COMMENT 'Start of the first pane that shows it [UTC]',
    is_open  Bool COMMENT 'Whether it is open',
    verdicts Array(String) COMMENT 'Verdicts it rests on',
    known    DateTime64(3, 'UTC') COMMENT 'When it last changed, log clock [UTC]'
) AS
SELECT
    id, model, lineage, monitor, kind, level, title, features, opened,
    if(i.closed > toDateTime64(0, 3, 'UTC'), i.closed, NULL) AS closed, since, isNull(closed) AS is_open, verdicts, known
FROM (SELECT * FROM incidents_rows FINAL ORDER BY position DESC, closed DESC LIMIT 1 BY model, id) AS i
COMMENT 'Incidents as they stand now';

CREATE OR REPLACE VIEW incident_events (
    id      String COMMENT 'Incident',
    model   LowCardinality(String) COMMENT 'Model',
    lineage LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor LowCardinality(String) COMMENT 'Monitor',
    at      DateTime64(3, 'UTC') COMMENT 'When, log clock [UTC]',
    event   LowCardinality(String) COMMENT 'opened, changed or closed',
    level   LowCardinality(String) COMMENT 'page, warn or info',
    actor   LowCardinality(String) COMMENT 'Who did it',
    text    String COMMENT 'The incident''s title then'
) AS
SELECT
    id, model, lineage, monitor, known AS at,
    multiIf(closed > toDateTime64(0, 3, 'UTC'), 'closed', row_number() OVER in_order = 1, 'opened', 'changed') AS event,
    level, 'decide' AS actor, title AS text
FROM (SELECT * FROM incidents_rows FINAL)
WINDOW in_order AS (PARTITION BY model, id ORDER BY position, closed)
COMMENT 'What happened to incidents, in order';

CREATE OR REPLACE VIEW alerts_sent (
    id            String COMMENT 'Alert',
    incident      String COMMENT 'Incident',
    model         LowCardinality(String) COMMENT 'Model',
    model_version LowCardinality(String) COMMENT 'Version that served; empty: none, or all together',
    monitor       LowCardinality(String) COMMENT 'Monitor',
    at            DateTime64(3, 'UTC') COMMENT 'When it was sent [UTC]',
    state         LowCardinality(String) COMMENT 'open, closed …',
    level         LowCardinality(String) COMMENT 'page, warn or info',
    kind          LowCardinality(String) COMMENT 'Kind of fault',
    title         String COMMENT 'What happened, in one sentence',
    features      Array(String) COMMENT 'Features it is about',
    channel       LowCardinality(String) COMMENT 'Where it went',
    delivered     Bool COMMENT 'Whether it got there',
    error         String COMMENT 'Why not; empty if it did',
    body          String COMMENT 'The whole alert, as JSON',
    known         DateTime64(3, 'UTC') COMMENT 'When the topic stored it [UTC]'
) AS
SELECT
    id, incident, model, model_version, monitor, sent AS at, state, level, kind, title, features,
    'topic' AS channel, true AS delivered, '' AS error, body, known
FROM alert_rows FINAL
COMMENT 'Alerts that were published on topic alerts';

CREATE OR REPLACE VIEW retrains (
    id        String COMMENT 'Retrain',
    model     LowCardinality(String) COMMENT 'Model',
    lineage   LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor   LowCardinality(String) COMMENT 'Monitor',
    trigger   LowCardinality(String) COMMENT 'performance, estimate, schedule or manual',
    incident  String COMMENT 'Incident that asked for it; empty if none',
    reason    String COMMENT 'Why, in one sentence',
    evidence  String COMMENT 'What it rests on, as JSON',
    cut       Map(Int64, Int64) COMMENT 'Highest position of each ledger partition that training may use',
    requested DateTime64(3, 'UTC') COMMENT 'When it was asked for, log clock [UTC]',
    step      LowCardinality(String) COMMENT 'requested, training, trained, shadow, promoted, rejected, failed',
    outcome   LowCardinality(String) COMMENT 'promoted, rejected, failed or skipped; empty so far',
    version   LowCardinality(String) COMMENT 'Version that came of it; empty so far',
    verdict   String COMMENT 'How its version compared, in one sentence',
    known     DateTime64(3, 'UTC') COMMENT 'When it last changed, log clock [UTC]'
) AS
SELECT
    t.id AS id, t.model AS model, t.lineage AS lineage, t.monitor AS monitor, t.trigger AS trigger,
    t.incident AS incident, t.reason AS reason, q.evidence AS evidence, CAST(t.cut, 'Map(Int64, Int64)') AS cut,
    t.requested AS requested, t.step AS step,
    if(t.step IN ('promoted', 'rejected', 'failed', 'skipped'), t.step, '') AS outcome,
    t.version AS version, t.verdict AS verdict, t.known AS known
FROM (
    SELECT *, min(known) OVER (PARTITION BY model, id) AS requested FROM retrains_rows FINAL
    ORDER BY
        position DESC, indexOf(['requested', 'training', 'trained', 'shadow'], step) = 0 DESC,
        indexOf(['requested', 'training', 'trained', 'shadow'], step) DESC
    LIMIT 1 BY model, id
) AS t
LEFT JOIN (SELECT model, id, evidence FROM retrain_request_rows FINAL) AS q ON t.model = q.model AND t.id = q.id
COMMENT 'Retrains as they stand now';

CREATE OR REPLACE VIEW retrain_events (
    id      String COMMENT 'Retrain',
    model   LowCardinality(String) COMMENT 'Model',
    at      DateTime64(3, 'UTC') COMMENT 'When, log clock [UTC]',
    event   LowCardinality(String) COMMENT 'requested, training, trained, shadow, promoted, rejected, failed',
    version LowCardinality(String) COMMENT 'Version that came of it; empty so far',
    text    String COMMENT 'The comparison, or else the reason, in one sentence'
) AS
SELECT id, model, known AS at, step AS event, version, if(verdict != '', verdict, reason) AS text
FROM retrains_rows FINAL
COMMENT 'Steps of retrains, in order';

CREATE OR REPLACE VIEW roles (
    model         LowCardinality(String) COMMENT 'Model',
    model_version LowCardinality(String) COMMENT 'Version',
    role          LowCardinality(String) COMMENT 'champion, shadow, retired or rejected',
    `from`        DateTime64(3, 'UTC') COMMENT 'Since when, event time [UTC]',
    `to`          Nullable(DateTime64(3, 'UTC')) COMMENT 'Until when, event time; NULL for now [UTC]',
    actor         LowCardinality(String) COMMENT 'Who decided',
    reason        String COMMENT 'Why, in one sentence',
    known         DateTime64(3, 'UTC') COMMENT 'When it was decided, log clock [UTC]'
) AS
SELECT
    model, model_version, role, since AS `from`,
    leadInFrame(toNullable(since)) OVER (
        PARTITION BY model, model_version ORDER BY position, indexOf(['shadow', 'champion'], role) = 0, role DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS `to`,
    actor, reason, known
FROM (SELECT * FROM roles_rows FINAL)
COMMENT 'Roles of versions over time';

CREATE OR REPLACE VIEW versions (
    model            LowCardinality(String) COMMENT 'Model',
    model_version    LowCardinality(String) COMMENT 'Version',
    role             LowCardinality(String) COMMENT 'Role now; empty if it never had one',
    metrics          Map(String, Float64) COMMENT 'Metrics on the validation rows',
    champion         LowCardinality(String) COMMENT 'Champion it was validated against; empty if none',
    champion_metrics Map(String, Float64) COMMENT 'The champion''s metrics on the same rows',
    passed           Bool COMMENT 'Whether validation let it pass',
    why              String COMMENT 'Why, in one sentence',
    parent           LowCardinality(String) COMMENT 'Version it was compared with; empty if none',
    sha256           String COMMENT 'Hash of the artifact, hex',
    trained_from     DateTime64(3, 'UTC') COMMENT 'Begin of its training data, event time [UTC]',
    trained_to       DateTime64(3, 'UTC') COMMENT 'End of its training data, event time [UTC]',
    rows             Int64 COMMENT 'Rows it was trained on [rows]',
    features         Array(String) COMMENT 'Features it uses',
    task             LowCardinality(String) COMMENT 'binary, multiclass or regression',
    trainer          LowCardinality(String) COMMENT 'Trainer that made it',
    retrain          String COMMENT 'Retrain that asked for it; empty if none',
    incident         String COMMENT 'Incident that asked for it; empty if none',
    cut              Map(Int64, Int64) COMMENT 'Highest position of each ledger partition in its training set',
    created          DateTime64(3, 'UTC') COMMENT 'When it was made [UTC]',
    manifest         String COMMENT 'The whole manifest, as JSON'
) AS
SELECT
    v.model AS model, v.model_version AS model_version, r.role AS role, v.metrics AS metrics, v.champion AS champion,
    v.champion_metrics AS champion_metrics, v.passed AS passed, v.why AS why, v.parent AS parent, v.sha256 AS sha256,
    v.trained_from AS trained_from, v.trained_to AS trained_to, v.rows AS rows, v.features AS features, v.task AS task,
    v.trainer AS trainer, v.retrain AS retrain, v.incident AS incident, v.cut AS cut, v.created AS created,
    v.manifest AS manifest
FROM (SELECT * FROM version_rows FINAL) AS v
LEFT JOIN (SELECT model, model_version, role FROM roles WHERE isNull(`to`)) AS r
    ON v.model = r.model AND v.model_version = r.model_version
COMMENT 'Versions of models with what they were made of';

CREATE OR REPLACE VIEW spec_revisions (
    monitor   LowCardinality(String) COMMENT 'Monitor',
    model     LowCardinality(String) COMMENT 'Model',
    revision  Int64 COMMENT 'Revision',
    at        DateTime64(3, 'UTC') COMMENT 'When it was written [UTC]',
    who       LowCardinality(String) COMMENT 'Who wrote it; empty if not said',
    reference LowCardinality(String) COMMENT 'sha256 of its reference; empty if none',
    spec      String COMMENT 'The spec, as JSON'
) AS
SELECT monitor, model, revision, at, who, reference, spec FROM spec_rows FINAL
COMMENT 'All revisions of specs';

CREATE OR REPLACE VIEW monitors (
    monitor   LowCardinality(String) COMMENT 'Monitor',
    model     LowCardinality(String) COMMENT 'Model',
    revision  Int64 COMMENT 'Revision',
    at        DateTime64(3, 'UTC') COMMENT 'When it was written [UTC]',
    who       LowCardinality(String) COMMENT 'Who wrote it; empty if not said',
    reference LowCardinality(String) COMMENT 'sha256 of its reference; empty if none',
    spec      String COMMENT 'The spec, as JSON',
    lineage   LowCardinality(String) COMMENT 'Live lineage; empty before its first'
) AS
SELECT
    s.monitor AS monitor, s.model AS model, s.revision AS revision, s.at AS at, s.who AS who, s.reference AS reference,
    s.spec AS spec, l.lineage AS lineage
FROM (SELECT * FROM spec_rows FINAL ORDER BY revision DESC LIMIT 1 BY monitor) AS s
LEFT JOIN (SELECT monitor, model, lineage FROM lineages WHERE is_live) AS l
    ON s.monitor = l.monitor AND s.model = l.model
COMMENT 'The newest revision of each spec';

CREATE OR REPLACE VIEW conservation (
    model      LowCardinality(String) COMMENT 'Model',
    kind       LowCardinality(String) COMMENT 'prediction or label',
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
    FROM conservation_rows FINAL
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

CREATE OR REPLACE VIEW labels (
    model            LowCardinality(String) COMMENT 'Model',
    prediction_id    String COMMENT 'Prediction that it belongs to',
    event_time       DateTime64(3, 'UTC') COMMENT 'When the truth came about, by the producer [UTC]',
    source           LowCardinality(String) COMMENT 'Producer; empty if it gave no name',
    lane             LowCardinality(String) COMMENT 'truth, or feedback of a user',
    label            Nullable(Float64) COMMENT 'The label, where it is a number',
    label_text       LowCardinality(String) COMMENT 'The label, where it is a text; empty otherwise',
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
    if(isFinite(r.value), r.value, NULL) AS label, r.text AS label_text,
    r.topic AS topic, r.partition AS partition, r.place AS position, r.known AS arrival,
    r.ledger_partition AS ledger_partition, r.ledger_position AS ledger_position,
    if(f.fate = '', 'used', f.fate) AS fate, f.reason AS reason
FROM label_rows AS r FINAL
LEFT ANY JOIN (
    SELECT model, topic, partition, place, fate, reason FROM fates_rows FINAL WHERE kind = 'label'
) AS f ON r.model = f.model AND r.topic = f.topic AND r.partition = f.partition AND r.place = f.place
COMMENT 'Labels as they came, with what became of them. Large: filter by model and event_time';

CREATE OR REPLACE VIEW models_now (
    model            LowCardinality(String) COMMENT 'Model',
    model_version    LowCardinality(String) COMMENT 'Champion; empty if none serves',
    lineage          LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor          LowCardinality(String) COMMENT 'Monitor',
    status           LowCardinality(String) COMMENT 'page: a person must act; else the worst status of the newest verdicts',
    reason           String COMMENT 'Why, in one sentence',
    since            Nullable(DateTime64(3, 'UTC')) COMMENT 'Begin of the incident, or of the newest pane judged; NULL before the first [UTC]',
    incident         String COMMENT 'Open incident, the worst first; empty if none',
    metric           LowCardinality(String) COMMENT 'Metric that is promised; empty before the first mature pane',
    performance      Nullable(Float64) COMMENT 'Its newest mature value [unit of the metric]',
    tolerated        Nullable(Float64) COMMENT 'Worst value that is tolerated [unit of the metric]',
    performance_pane Nullable(DateTime64(3, 'UTC')) COMMENT 'Pane of that value [UTC]',
    maturity         Nullable(Float64) COMMENT 'Labels of that pane, as share of those expected'
) AS
SELECT
    l.model AS model, c.model_version AS model_version, l.lineage AS lineage, l.monitor AS monitor,
    multiIf(i.level = 'page', 'page', v.status != '', v.status, 'learning') AS status,
    multiIf(i.id != '' AND i.level = 'page', i.title, v.status != '', v.reason, 'no pane has been judged yet') AS reason,
    multiIf(i.id != '' AND i.level = 'page', toNullable(i.since), v.status != '', toNullable(v.pane), NULL) AS since,
    i.id AS incident, p.metric AS metric, p.value AS performance, p.tolerated AS tolerated,
    if(p.metric != '', toNullable(p.pane), NULL) AS performance_pane, p.maturity AS maturity
FROM (SELECT model, lineage, monitor FROM lineages WHERE is_live) AS l
LEFT ANY JOIN (
    SELECT model, monitor, id, level, title, since FROM incidents WHERE is_open
    ORDER BY indexOf(['page', 'warn', 'info'], level), since LIMIT 1 BY model, monitor
) AS i ON l.model = i.model AND l.monitor = i.monitor
LEFT ANY JOIN (
    SELECT lineage, pane, status, reason FROM verdicts_rows FINAL
    WHERE (lineage, pane) IN (SELECT lineage, max(pane) FROM verdicts_rows GROUP BY lineage)
    ORDER BY indexOf(['stable', 'learning', 'insufficient', 'no-labels', 'no-data', 'warning', 'drift'], status) DESC, target
    LIMIT 1 BY lineage
) AS v ON l.lineage = v.lineage
LEFT ANY JOIN (
    SELECT lineage, pane, metric, value, tolerated, maturity FROM performance_panes
    WHERE segment_key = '' AND is_mature AND isNotNull(tolerated)
    ORDER BY pane DESC, n DESC LIMIT 1 BY lineage
) AS p ON l.lineage = p.lineage
LEFT ANY JOIN (SELECT model, model_version FROM roles WHERE role = 'champion' AND isNull(`to`)) AS c ON l.model = c.model
COMMENT 'Every monitored model as it stands: does anyone have to act?';

CREATE OR REPLACE VIEW dictionary (
    view    String COMMENT 'View',
    column  String COMMENT 'Column',
    type    String COMMENT 'Type',
    unit    String COMMENT 'Unit; empty for texts, numbers without one, and counts of other things',
    meaning String COMMENT 'Meaning'
) AS
SELECT
    c.table AS view, c.name AS column, c.type AS type, extract(c.comment, '\\[([^\\]]+)\\]$') AS unit,
    trimRight(replaceRegexpOne(c.comment, '\\[[^\\]]+\\]$', '')) AS meaning
FROM system.columns AS c
WHERE c.database = '${database}' AND c.table IN (
    SELECT name FROM system.tables WHERE database = '${database}' AND engine = 'View'
)
ORDER BY view, c.position
COMMENT 'All public views and their columns';
