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
    outliers       Int64 COMMENT 'Rows that are unlike all of the reference''s; -1 where they are not told [rows]',
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
    tp            Int64 COMMENT 'Ones predicted as 1; -1 for tasks without [rows]',
    fp            Int64 COMMENT 'Zeros predicted as 1; -1 for tasks without [rows]',
    fn            Int64 COMMENT 'Ones predicted as 0; -1 for tasks without [rows]',
    tn            Int64 COMMENT 'Zeros predicted as 0; -1 for tasks without [rows]',
    brier         Float64 COMMENT 'Brier score; NaN for tasks without',
    ece           Float64 COMMENT 'Expected calibration error; NaN for tasks without',
    known         DateTime64(3, 'UTC') COMMENT 'Log clock when it was computed: what ''as known at'' compares with [UTC]',
    position      Int64 COMMENT 'Where in its log it was computed: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
PARTITION BY toYYYYMM(pane)
ORDER BY (lineage, metric, model_version, segment_key, segment_value, pane, arrival)
COMMENT 'One metric of a prediction pane, as known at one arrival';

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

CREATE TABLE IF NOT EXISTS estimates_rows (
    lineage       LowCardinality(String) COMMENT 'Lineage: measuring part of a spec with one reference',
    model         LowCardinality(String) COMMENT 'Model',
    model_version LowCardinality(String) COMMENT 'Version; empty for all together',
    segment_key   LowCardinality(String) COMMENT 'Segment; empty for all rows',
    segment_value String COMMENT 'Value of the segment',
    pane          DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    metric        LowCardinality(String) COMMENT 'Metric',
    estimate      Float64 COMMENT 'Value that the answers alone let one expect [metric]',
    lo            Float64 COMMENT 'Lower end of the 95 % interval [metric]',
    hi            Float64 COMMENT 'Upper end of the 95 % interval [metric]',
    n             Int64 COMMENT 'Answers [rows]',
    settled       Bool COMMENT 'Whether labels have said what it was',
    measured      Float64 COMMENT 'What labels said; NaN before [metric]',
    inside        Bool COMMENT 'Whether that lies in the interval',
    coverage      Float64 COMMENT 'Share of all settled intervals so far that held; NaN before the first',
    weight        Float64 COMMENT 'How much estimates count for, by their record: 0 to 1',
    known         DateTime64(3, 'UTC') COMMENT 'Log clock when it was computed: what ''as known at'' compares with [UTC]',
    position      Int64 COMMENT 'Where in its log it was computed: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
PARTITION BY toYYYYMM(pane)
ORDER BY (model, lineage, metric, pane, model_version, segment_key, segment_value)
COMMENT 'Performance as estimated without labels, and what labels said later';

CREATE TABLE IF NOT EXISTS verdicts_rows (
    id          String COMMENT 'Verdict',
    lineage     LowCardinality(String) COMMENT 'Lineage: measuring part of a spec with one reference',
    monitor     LowCardinality(String) COMMENT 'Monitor',
    model       LowCardinality(String) COMMENT 'Model',
    pane        DateTime64(3, 'UTC') COMMENT 'Start of the pane, event time [UTC]',
    pane_s      Int64 COMMENT 'Length of the pane [s]',
    segment_key LowCardinality(String) COMMENT 'Segment; empty for all rows',
    segment_value String COMMENT 'Value of the segment',
    target      LowCardinality(String) COMMENT 'Feature or metric that is judged',
    kind        LowCardinality(String) COMMENT 'What is judged: drift, performance, volume …',
    status      LowCardinality(String) COMMENT 'learning, insufficient, stable, warning, drift, no-data …',
    statistic   Float64 COMMENT 'Test statistic',
    threshold   Float64 COMMENT 'Value of the statistic above which it counts',
    p           Float64 COMMENT 'p-value of this pane alone',
    n           Int64 COMMENT 'Rows or labels judged [rows]',
    n_eff       Float64 COMMENT 'Rows or labels that count: n over the design effect [rows]',
    evidence_days Float64 COMMENT 'Time between such findings if nothing were wrong [d]',
    budget_days   Float64 COMMENT 'Evidence from which on it is proven at the budget [d]',
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
    evidence_days Float64 COMMENT 'Time between such incidents if nothing were wrong [d]',
    budget_days   Float64 COMMENT 'Evidence from which on it is proven at the budget [d]',
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
