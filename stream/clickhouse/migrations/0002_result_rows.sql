-- What `measure` and `decide` settle: the structs of stream/folds/rows.py, field by field, instants without `_ms`.
-- Every row is an upsert: of equal keys the highest position stays. Of incidents and retrains every change is kept.
-- Panes of one lineage, feature or metric lie together, since that is how they are read.

CREATE TABLE IF NOT EXISTS panes_rows (
    lineage        LowCardinality(String) COMMENT 'Lineage: measuring part of a spec with one reference',
    monitor        LowCardinality(String) COMMENT 'Monitor',
    model          LowCardinality(String) COMMENT 'Model',
    model_version  LowCardinality(String) COMMENT 'Version that served; empty for none or all',
    segment_key    LowCardinality(String) COMMENT 'Feature that the segment is by; empty for all rows',
    segment_value  LowCardinality(String) COMMENT 'Value of that feature; empty for all rows',
    pane           DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    arrival        DateTime64(3, 'UTC') COMMENT 'Pane in which its rows became known: the pane itself, or later for an amendment [UTC]',
    pane_s         Int64 COMMENT 'Length of the pane [s]',
    n              Int64 COMMENT 'Rows used [rows]',
    duplicates     Int64 COMMENT 'Rows dropped since their identity was there before [rows]',
    invalid        Int64 COMMENT 'Rows with an invalid value [rows]',
    labels         Int64 COMMENT 'Rows whose truth has been joined [rows]',
    latency_p50_ms Float64 COMMENT 'Median time of serving; NaN if not said [ms]',
    latency_p95_ms Float64 COMMENT '95 % of servings took at most this; NaN if not said [ms]',
    merged         Array(Tuple(partition Int64, position Int64)) COMMENT 'Ledger partitions and positions that were merged',
    known          DateTime64(3, 'UTC') COMMENT 'Log clock when it was computed: what ''as known at'' compares with [UTC]',
    position       Int64 COMMENT 'Where in its log it was computed: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
PARTITION BY toYYYYMM(pane)
ORDER BY (lineage, model_version, segment_key, segment_value, pane, arrival)
COMMENT 'Rows by pane and arrival';

CREATE TABLE IF NOT EXISTS feature_panes_rows (
    lineage       LowCardinality(String) COMMENT 'Lineage: measuring part of a spec with one reference',
    model         LowCardinality(String) COMMENT 'Model',
    model_version LowCardinality(String) COMMENT 'Version that served; empty for none or all',
    segment_key   LowCardinality(String) COMMENT 'Feature that the segment is by; empty for all rows',
    segment_value LowCardinality(String) COMMENT 'Value of that feature; empty for all rows',
    pane          DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    arrival       DateTime64(3, 'UTC') COMMENT 'Pane in which its rows became known: the pane itself, or later for an amendment [UTC]',
    feature       LowCardinality(String) COMMENT 'Feature',
    n             Int64 COMMENT 'Rows used [rows]',
    missing       Int64 COMMENT 'Rows without a value [rows]',
    invalid       Int64 COMMENT 'Rows whose value is no valid one [rows]',
    bins          Array(Int64) COMMENT 'Rows by bin of the reference: missing, below or unseen, the bins, above; empty while learning [rows]',
    levels        Map(String, Int64) COMMENT 'Rows by level of a category while learning; at most 64, the rest under __other__ [rows]',
    total         Float64 COMMENT 'Sum of the values [unit of the feature]',
    squares       Float64 COMMENT 'Sum of the squared values [unit of the feature, squared]',
    low           Float64 COMMENT 'Smallest value; NaN if none [unit of the feature]',
    high          Float64 COMMENT 'Largest value; NaN if none [unit of the feature]',
    known         DateTime64(3, 'UTC') COMMENT 'Log clock when it was computed: what ''as known at'' compares with [UTC]',
    position      Int64 COMMENT 'Where in its log it was computed: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
PARTITION BY toYYYYMM(pane)
ORDER BY (lineage, feature, model_version, segment_key, segment_value, pane, arrival)
COMMENT 'One feature of a pane and arrival, as sums that add up';

CREATE TABLE IF NOT EXISTS statistics_rows (
    lineage       LowCardinality(String) COMMENT 'Lineage: measuring part of a spec with one reference',
    model         LowCardinality(String) COMMENT 'Model',
    segment_key   LowCardinality(String) COMMENT 'Feature that the segment is by; empty for all rows',
    segment_value LowCardinality(String) COMMENT 'Value of that feature; empty for all rows',
    pane          DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    feature       LowCardinality(String) COMMENT 'Feature',
    n             Int64 COMMENT 'Rows [rows]',
    missing_share Float64 COMMENT 'Share of rows without a value',
    unseen_share  Float64 COMMENT 'Share of rows whose level the reference does not have',
    psi           Float64 COMMENT 'Population stability index',
    js            Float64 COMMENT 'Jensen-Shannon distance',
    ks            Float64 COMMENT 'Kolmogorov-Smirnov distance over the bins',
    w1            Float64 COMMENT 'Wasserstein distance [sd of the reference]',
    tv            Float64 COMMENT 'Total variation distance',
    mean_shift_sd Float64 COMMENT 'Shift of the mean [sd of the reference]',
    mean          Float64 COMMENT 'Mean of the values [unit of the feature]',
    sd            Float64 COMMENT 'Standard deviation of the values [unit of the feature]',
    known         DateTime64(3, 'UTC') COMMENT 'Log clock when it was computed: what ''as known at'' compares with [UTC]',
    position      Int64 COMMENT 'Where in its log it was computed: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
PARTITION BY toYYYYMM(pane)
ORDER BY (lineage, feature, segment_key, segment_value, pane)
COMMENT 'Effect sizes of a feature in a final pane against the reference';

CREATE TABLE IF NOT EXISTS performance_rows (
    lineage       LowCardinality(String) COMMENT 'Lineage: measuring part of a spec with one reference',
    model         LowCardinality(String) COMMENT 'Model',
    model_version LowCardinality(String) COMMENT 'Version that served; empty for none or all',
    segment_key   LowCardinality(String) COMMENT 'Feature that the segment is by; empty for all rows',
    segment_value LowCardinality(String) COMMENT 'Value of that feature; empty for all rows',
    pane          DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    arrival       DateTime64(3, 'UTC') COMMENT 'Pane in which its rows became known: the pane itself, or later for an amendment [UTC]',
    metric        LowCardinality(String) COMMENT 'Metric, as log_loss, auc, rmse',
    value         Float64 COMMENT 'Its value; NaN where it is not defined [unit of the metric]',
    lo            Float64 COMMENT 'Lower end of its interval [unit of the metric]',
    hi            Float64 COMMENT 'Upper end of its interval [unit of the metric]',
    tolerated     Float64 COMMENT 'Worst value that is tolerated; NaN if nothing is promised [unit of the metric]',
    rows          Int64 COMMENT 'Predictions of the pane [rows]',
    labels        Int64 COMMENT 'Those whose truth is known [rows]',
    maturity      Float64 COMMENT 'Labels that are there, as share of those expected',
    is_mature     Bool COMMENT 'Whether labels enough are there to judge',
    known         DateTime64(3, 'UTC') COMMENT 'Log clock when it was computed: what ''as known at'' compares with [UTC]',
    position      Int64 COMMENT 'Where in its log it was computed: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
PARTITION BY toYYYYMM(pane)
ORDER BY (lineage, metric, model_version, segment_key, segment_value, pane, arrival)
COMMENT 'One metric of a prediction pane, as known at one arrival';

CREATE TABLE IF NOT EXISTS verdicts_rows (
    id          String COMMENT 'Verdict',
    lineage     LowCardinality(String) COMMENT 'Lineage: measuring part of a spec with one reference',
    monitor     LowCardinality(String) COMMENT 'Monitor',
    model       LowCardinality(String) COMMENT 'Model',
    pane        DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    pane_s      Int64 COMMENT 'Length of the pane [s]',
    target      LowCardinality(String) COMMENT 'Feature or metric that is judged',
    kind        LowCardinality(String) COMMENT 'What is judged: drift, performance, volume …',
    status      LowCardinality(String) COMMENT 'learning, insufficient, stable, warning, drift, no-data …',
    statistic   Float64 COMMENT 'Test statistic',
    threshold   Float64 COMMENT 'Value of the statistic above which it counts',
    p           Float64 COMMENT 'p-value of this pane alone',
    n           Int64 COMMENT 'Rows or labels judged [rows]',
    effect      Float64 COMMENT 'Size of the change [see effect_name]',
    effect_name LowCardinality(String) COMMENT 'What the effect is measured in',
    floor       Float64 COMMENT 'Smallest effect that matters [see effect_name]',
    lo          Float64 COMMENT 'Lower end of the effect''s interval [see effect_name]',
    hi          Float64 COMMENT 'Upper end of the effect''s interval [see effect_name]',
    reason      String COMMENT 'Why, in one sentence',
    known       DateTime64(3, 'UTC') COMMENT 'Log clock when it was computed: what ''as known at'' compares with [UTC]',
    position    Int64 COMMENT 'Where in its log it was computed: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
PARTITION BY toYYYYMM(pane)
ORDER BY (model, pane, id)
COMMENT 'Decisions about one target of one pane';

CREATE TABLE IF NOT EXISTS incidents_rows (
    id       String COMMENT 'Incident',
    lineage  LowCardinality(String) COMMENT 'Lineage: measuring part of a spec with one reference',
    monitor  LowCardinality(String) COMMENT 'Monitor',
    model    LowCardinality(String) COMMENT 'Model',
    kind     LowCardinality(String) COMMENT 'Kind of fault',
    level    LowCardinality(String) COMMENT 'page, warn or info',
    title    String COMMENT 'What happened, in one sentence',
    features Array(String) COMMENT 'Features it is about',
    opened   DateTime64(3, 'UTC') COMMENT 'When it was opened, event time [UTC]',
    closed   DateTime64(3, 'UTC') COMMENT 'When it was closed, event time; 1970-01-01 while it is open [UTC]',
    since    DateTime64(3, 'UTC') COMMENT 'Start of the first pane that shows it [UTC]',
    verdicts Array(String) COMMENT 'Verdicts it rests on',
    known    DateTime64(3, 'UTC') COMMENT 'Log clock when it was computed: what ''as known at'' compares with [UTC]',
    position Int64 COMMENT 'Where in its log it was computed: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
PARTITION BY toYYYYMM(opened)
ORDER BY (model, id, position, closed)
COMMENT 'States of incidents, one row after each change';

CREATE TABLE IF NOT EXISTS retrains_rows (
    id       String COMMENT 'Retrain',
    model    LowCardinality(String) COMMENT 'Model',
    monitor  LowCardinality(String) COMMENT 'Monitor',
    lineage  LowCardinality(String) COMMENT 'Lineage: measuring part of a spec with one reference',
    incident String COMMENT 'Incident that asked for it; empty if none',
    trigger  LowCardinality(String) COMMENT 'performance, estimate, schedule or manual',
    reason   String COMMENT 'Why, in one sentence',
    step     LowCardinality(String) COMMENT 'requested, training, trained, shadow, promoted, rejected, failed',
    version  LowCardinality(String) COMMENT 'Version that came of it; empty so far',
    verdict  String COMMENT 'How its version compared, in one sentence',
    cut      Array(Tuple(partition Int64, position Int64)) COMMENT 'Highest ledger positions that the training set may hold',
    known    DateTime64(3, 'UTC') COMMENT 'Log clock when it was computed: what ''as known at'' compares with [UTC]',
    position Int64 COMMENT 'Where in its log it was computed: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
ORDER BY (model, id, position, step)
COMMENT 'States of retrains, one row after each step';

CREATE TABLE IF NOT EXISTS roles_rows (
    model         LowCardinality(String) COMMENT 'Model',
    model_version LowCardinality(String) COMMENT 'Version',
    role          LowCardinality(String) COMMENT 'champion, shadow, retired or rejected',
    since         DateTime64(3, 'UTC') COMMENT 'When it took the role, event time [UTC]',
    actor         LowCardinality(String) COMMENT 'Who decided',
    reason        String COMMENT 'Why, in one sentence',
    known         DateTime64(3, 'UTC') COMMENT 'Log clock when it was computed: what ''as known at'' compares with [UTC]',
    position      Int64 COMMENT 'Where in its log it was computed: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
ORDER BY (model, model_version, since, role)
COMMENT 'Roles of versions';

CREATE TABLE IF NOT EXISTS conservation_rows (
    model     LowCardinality(String) COMMENT 'Model',
    kind      LowCardinality(String) COMMENT 'prediction or label',
    source    LowCardinality(String) COMMENT 'Producer',
    partition Int64 COMMENT 'Ledger partition',
    received  Int64 COMMENT 'Events that came [rows]',
    used      Int64 COMMENT 'Used in the pane of their time [rows]',
    duplicate Int64 COMMENT 'Dropped: the identity was there before [rows]',
    late_used Int64 COMMENT 'Used in a later arrival [rows]',
    invalid   Int64 COMMENT 'Refused by the spec''s checks [rows]',
    unmatched Int64 COMMENT 'Without their other half when the horizon ended, or too late [rows]',
    pending   Int64 COMMENT 'Still waiting [rows]',
    known     DateTime64(3, 'UTC') COMMENT 'Log clock when it was computed: what ''as known at'' compares with [UTC]',
    position  Int64 COMMENT 'Where in its log it was computed: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
ORDER BY (model, kind, source, partition)
COMMENT 'Where the events went, cumulated, by ledger partition and producer';

CREATE TABLE IF NOT EXISTS lineages_rows (
    lineage   LowCardinality(String) COMMENT 'Lineage: measuring part of a spec with one reference',
    monitor   LowCardinality(String) COMMENT 'Monitor',
    model     LowCardinality(String) COMMENT 'Model',
    revision  Int64 COMMENT 'Revision of the spec that began it',
    reference LowCardinality(String) COMMENT 'sha256 of the reference; empty while learning',
    spec      String COMMENT 'The spec, as JSON',
    start     DateTime64(3, 'UTC') COMMENT 'First instant that it measures, event time [UTC]',
    known     DateTime64(3, 'UTC') COMMENT 'Log clock when it was computed: what ''as known at'' compares with [UTC]',
    position  Int64 COMMENT 'Where in its log it was computed: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
ORDER BY (model, monitor, lineage)
COMMENT 'What panes were measured by';

CREATE TABLE IF NOT EXISTS fates_rows (
    topic         LowCardinality(String) COMMENT 'Source topic',
    partition     Int64 COMMENT 'Partition of the source topic',
    place         Int64 COMMENT 'Position in it: offset * 65536 + line in the record',
    model         LowCardinality(String) COMMENT 'Model',
    prediction_id String COMMENT 'Identity of the event',
    kind          LowCardinality(String) COMMENT 'prediction or label',
    fate          LowCardinality(String) COMMENT 'duplicate, too-late, unmatched, invalid …',
    reason        LowCardinality(String) COMMENT 'Why',
    known         DateTime64(3, 'UTC') COMMENT 'Log clock when it was computed: what ''as known at'' compares with [UTC]',
    position      Int64 COMMENT 'Where in its log it was computed: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
ORDER BY (model, topic, partition, place, kind)
COMMENT 'Events that were not simply used, and why';
