-- How sure a verdict is, in days: the time between such findings if nothing were wrong, beside the monitor's budget.

ALTER TABLE verdicts_rows ADD COLUMN IF NOT EXISTS segment_key LowCardinality(String) DEFAULT '' COMMENT 'Segment; empty for all rows' AFTER pane_s,
    ADD COLUMN IF NOT EXISTS segment_value String DEFAULT '' COMMENT 'Value of the segment' AFTER segment_key,
    ADD COLUMN IF NOT EXISTS n_eff Float64 DEFAULT nan COMMENT 'Rows or labels that count: n over the design effect [rows]' AFTER n,
    ADD COLUMN IF NOT EXISTS evidence_days Float64 DEFAULT nan COMMENT 'Time between such findings if nothing were wrong [d]' AFTER n_eff,
    ADD COLUMN IF NOT EXISTS budget_days Float64 DEFAULT nan COMMENT 'Evidence from which on it is proven at the budget [d]' AFTER evidence_days;

ALTER TABLE incidents_rows ADD COLUMN IF NOT EXISTS evidence_days Float64 DEFAULT 0 COMMENT 'Time between such incidents if nothing were wrong [d]' AFTER verdicts,
    ADD COLUMN IF NOT EXISTS budget_days Float64 DEFAULT 0 COMMENT 'Evidence from which on it is proven at the budget [d]' AFTER evidence_days;

CREATE OR REPLACE VIEW verdicts (
    id          String COMMENT 'Verdict',
    model       LowCardinality(String) COMMENT 'Model',
    lineage     LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor     LowCardinality(String) COMMENT 'Monitor',
    pane        DateTime64(3, 'UTC') COMMENT 'Start of the newest pane that is judged, event time [UTC]',
    segment_key LowCardinality(String) COMMENT 'Segment; empty for all rows',
    segment_value String COMMENT 'Value of the segment',
    target      LowCardinality(String) COMMENT 'Feature or metric that is judged',
    kind        LowCardinality(String) COMMENT 'What is judged: drift, performance, volume …',
    scale       Int64 COMMENT 'Length of all panes that are judged together [s]',
    status      LowCardinality(String) COMMENT 'learning, insufficient, stable, warning, drift, no-data …',
    statistic   Nullable(Float64) COMMENT 'Test statistic',
    threshold   Nullable(Float64) COMMENT 'Value of the statistic above which it counts',
    p           Nullable(Float64) COMMENT 'p-value of this pane alone',
    n           Int64 COMMENT 'Rows or labels judged [rows]',
    n_eff       Nullable(Float64) COMMENT 'Rows or labels that count: n over the design effect of the reference [rows]',
    evidence_days Nullable(Float64) COMMENT 'At least so long lies between such findings if nothing were wrong [d]',
    budget_days Nullable(Float64) COMMENT 'From how many days of evidence on it is proven at the monitor''s budget [d]',
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
    v.segment_key AS segment_key, v.segment_value AS segment_value, v.target AS target, v.kind AS kind, v.pane_s AS scale, v.status AS status,
    if(isFinite(v.statistic), v.statistic, NULL) AS statistic, if(isFinite(v.threshold), v.threshold, NULL) AS threshold,
    if(isFinite(v.p), v.p, NULL) AS p, v.n AS n, if(isFinite(v.n_eff), v.n_eff, NULL) AS n_eff,
    if(isFinite(v.evidence_days), v.evidence_days, NULL) AS evidence_days,
    if(isFinite(v.budget_days), v.budget_days, NULL) AS budget_days, if(isFinite(v.effect), v.effect, NULL) AS effect, v.effect_name AS effect_name,
    if(isFinite(v.floor), v.floor, NULL) AS floor, if(isFinite(v.lo), v.lo, NULL) AS lo, if(isFinite(v.hi), v.hi, NULL) AS hi,
    v.reason AS reason, v.known AS known
FROM verdicts_rows AS v FINAL
LEFT JOIN (SELECT lineage, is_shadow, switch_from, switch_to FROM all_lineages) AS l ON v.lineage = l.lineage
WHERE (v.pane >= l.switch_from AND v.pane < l.switch_to) = l.is_shadow
COMMENT 'Decisions about features and metrics, one for each target and pane, of the lineages that are shown. Filter by model and pane';

CREATE OR REPLACE VIEW feature_verdicts (
    id          String COMMENT 'Verdict',
    model       LowCardinality(String) COMMENT 'Model',
    lineage     LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor     LowCardinality(String) COMMENT 'Monitor',
    pane        DateTime64(3, 'UTC') COMMENT 'Start of the newest pane that is judged, event time [UTC]',
    segment_key LowCardinality(String) COMMENT 'Segment; empty for all rows',
    segment_value String COMMENT 'Value of the segment',
    target      LowCardinality(String) COMMENT 'Feature or metric that is judged',
    kind        LowCardinality(String) COMMENT 'What is judged: drift, performance, volume …',
    scale       Int64 COMMENT 'Length of all panes that are judged together [s]',
    status      LowCardinality(String) COMMENT 'learning, insufficient, stable, warning, drift, no-data …',
    statistic   Nullable(Float64) COMMENT 'Test statistic',
    threshold   Nullable(Float64) COMMENT 'Value of the statistic above which it counts',
    p           Nullable(Float64) COMMENT 'p-value of this pane alone',
    n           Int64 COMMENT 'Rows or labels judged [rows]',
    n_eff       Nullable(Float64) COMMENT 'Rows or labels that count: n over the design effect of the reference [rows]',
    evidence_days Nullable(Float64) COMMENT 'At least so long lies between such findings if nothing were wrong [d]',
    budget_days Nullable(Float64) COMMENT 'From how many days of evidence on it is proven at the monitor''s budget [d]',
    effect      Nullable(Float64) COMMENT 'Size of the change [see effect_name]',
    effect_name LowCardinality(String) COMMENT 'What the effect is measured in',
    floor       Nullable(Float64) COMMENT 'Smallest effect that matters [see effect_name]',
    lo          Nullable(Float64) COMMENT 'Lower end of the effect''s interval [see effect_name]',
    hi          Nullable(Float64) COMMENT 'Upper end of the effect''s interval [see effect_name]',
    reason      String COMMENT 'Why, in one sentence',
    known       DateTime64(3, 'UTC') COMMENT 'When it was decided, log clock [UTC]'
) AS
SELECT
    id, model, lineage, monitor, pane, segment_key, segment_value, target, kind, scale, status, statistic, threshold, p, n, n_eff,
    evidence_days, budget_days, effect, effect_name,
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
    evidence_days Nullable(Float64) COMMENT 'At least so long lies between such incidents if nothing were wrong [d]',
    budget_days Nullable(Float64) COMMENT 'From how many days of evidence on it is proven at the monitor''s budget [d]',
    known    DateTime64(3, 'UTC') COMMENT 'When it last changed, log clock [UTC]'
) AS
SELECT
    i.id AS id, i.model AS model, i.lineage AS lineage, i.monitor AS monitor, i.kind AS kind, i.level AS level,
    i.title AS title, i.features AS features, i.opened AS opened,
    if(i.closed > toDateTime64(0, 3, 'UTC'), i.closed, NULL) AS closed, i.since AS since, isNull(closed) AS is_open,
    i.verdicts AS verdicts, if(i.evidence_days > 0, i.evidence_days, NULL) AS evidence_days,
    if(i.budget_days > 0, i.budget_days, NULL) AS budget_days, i.known AS known
FROM (SELECT * FROM incidents_rows FINAL ORDER BY position DESC, closed DESC LIMIT 1 BY model, id) AS i
LEFT JOIN (SELECT lineage, is_shadow, switch_from, switch_to FROM all_lineages) AS l ON i.lineage = l.lineage
WHERE (i.opened > l.switch_from AND i.opened <= l.switch_to) = l.is_shadow
    OR (NOT l.is_shadow AND (i.kind = 'pipeline' OR i.closed = toDateTime64(0, 3, 'UTC')))
COMMENT 'Incidents as they stand now, of the lineages that are shown';

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
