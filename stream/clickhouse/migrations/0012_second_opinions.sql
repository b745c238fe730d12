-- Verdicts of river's detectors, kind 'river:NAME', are for information: they are none of a model's status.

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
    WHERE NOT startsWith(kind, 'river:')
      AND (lineage, pane) IN (SELECT lineage, max(pane) FROM verdicts_rows WHERE NOT startsWith(kind, 'river:') GROUP BY lineage)
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

CREATE TABLE IF NOT EXISTS investigations_rows (
    id             String COMMENT 'Investigation',
    at             DateTime64(3, 'UTC') COMMENT 'When it was made [UTC]',
    who            String COMMENT 'Who asked for it',
    model          LowCardinality(String) COMMENT 'Model',
    lineage        LowCardinality(String) COMMENT 'Lineage: measuring part of a spec with one reference',
    monitor        LowCardinality(String) COMMENT 'Monitor',
    incident       String COMMENT 'Incident; empty if a pane was named',
    feature        LowCardinality(String) COMMENT 'Feature; empty for all inputs together',
    window_from    DateTime64(3, 'UTC') COMMENT 'Begin of the rows, event time [UTC]',
    window_to      DateTime64(3, 'UTC') COMMENT 'Their end, not included [UTC]',
    library        LowCardinality(String) COMMENT 'Who answered, with its version',
    test           LowCardinality(String) COMMENT 'Test: ks, cvm, chi2, fet, tabular, classifier …',
    finds          LowCardinality(String) COMMENT 'Whether it finds a change: yes or no; empty if it could not be made',
    statistic      Float64 COMMENT 'Its statistic; NaN if there is none [see unit]',
    unit           LowCardinality(String) COMMENT 'What the statistic is',
    p              Float64 COMMENT 'Its p-value, of rows taken as independent; NaN if there is none',
    threshold      Float64 COMMENT 'p-value below which it finds a change; NaN if there is none',
    note           String COMMENT 'What to know of it, in words',
    reference_rows Int64 COMMENT 'Rows of the reference that were tested [rows]',
    rows           Int64 COMMENT 'Rows of the window that were tested [rows]',
    verdict        String COMMENT 'Our verdict, the surest in that time; empty if there is none',
    status         LowCardinality(String) COMMENT 'Its status',
    evidence_days  Float64 COMMENT 'Its evidence; NaN if nothing was judged [d]',
    budget_days    Float64 COMMENT 'Evidence from which on it is proven at the budget [d]',
    effect         Float64 COMMENT 'Its effect [see effect_name]',
    effect_name    LowCardinality(String) COMMENT 'What the effect is measured in',
    floor          Float64 COMMENT 'Smallest effect that matters [see effect_name]'
) ENGINE = ReplacingMergeTree(at)
PARTITION BY toYYYYMM(at)
ORDER BY (model, window_from, id, feature, test)
COMMENT 'What other tests said of the raw rows of flagged panes';

CREATE OR REPLACE VIEW investigations (
    id             String COMMENT 'Investigation',
    at             DateTime64(3, 'UTC') COMMENT 'When it was made [UTC]',
    who            String COMMENT 'Who asked for it',
    model          LowCardinality(String) COMMENT 'Model',
    lineage        LowCardinality(String) COMMENT 'Lineage: what it was measured by (view lineages)',
    monitor        LowCardinality(String) COMMENT 'Monitor',
    incident       String COMMENT 'Incident; empty if a pane was named',
    feature        LowCardinality(String) COMMENT 'Feature; empty for all inputs together',
    window_from    DateTime64(3, 'UTC') COMMENT 'Begin of the rows that were looked at, event time [UTC]',
    window_to      DateTime64(3, 'UTC') COMMENT 'Their end, not included [UTC]',
    library        LowCardinality(String) COMMENT 'Who answered, with its version',
    test           LowCardinality(String) COMMENT 'Test: ks, cvm, chi2, fet, tabular, classifier, mahalanobis, iforest …',
    finds          Nullable(Bool) COMMENT 'Whether it finds a change; NULL if it could not be made (see note)',
    statistic      Nullable(Float64) COMMENT 'Its statistic [see unit]',
    unit           LowCardinality(String) COMMENT 'What the statistic is',
    p              Nullable(Float64) COMMENT 'Its p-value, which takes rows as independent',
    threshold      Nullable(Float64) COMMENT 'p-value below which it finds a change',
    note           String COMMENT 'What to know of it, in words',
    reference_rows Int64 COMMENT 'Rows of the reference that were tested [rows]',
    n              Int64 COMMENT 'Rows of the window that were tested [rows]',
    verdict        String COMMENT 'Our verdict beside it (view verdicts), the surest in that time; empty if there is none',
    status         LowCardinality(String) COMMENT 'Status of our verdict',
    evidence_days  Nullable(Float64) COMMENT 'Ours: at least so long lies between such findings if nothing were wrong [d]',
    budget_days    Nullable(Float64) COMMENT 'Ours: from how many days of evidence on it is proven at the budget [d]',
    effect         Nullable(Float64) COMMENT 'Ours: size of the change [see effect_name]',
    effect_name    LowCardinality(String) COMMENT 'Ours: what the effect is measured in',
    floor          Nullable(Float64) COMMENT 'Ours: smallest effect that matters [see effect_name]'
) AS
SELECT
    i.id AS id, i.at AS at, i.who AS who, i.model AS model, i.lineage AS lineage, i.monitor AS monitor, i.incident AS incident,
    i.feature AS feature, i.window_from AS window_from, i.window_to AS window_to, i.library AS library, i.test AS test,
    multiIf(i.finds = 'yes', true, i.finds = 'no', false, NULL) AS finds,
    if(isFinite(i.statistic), i.statistic, NULL) AS statistic, i.unit AS unit, if(isFinite(i.p), i.p, NULL) AS p,
    if(isFinite(i.threshold), i.threshold, NULL) AS threshold, i.note AS note, i.reference_rows AS reference_rows, i.rows AS n,
    i.verdict AS verdict, i.status AS status, if(isFinite(i.evidence_days), i.evidence_days, NULL) AS evidence_days,
    if(isFinite(i.budget_days), i.budget_days, NULL) AS budget_days, if(isFinite(i.effect), i.effect, NULL) AS effect,
    i.effect_name AS effect_name, if(isFinite(i.floor), i.floor, NULL) AS floor
FROM investigations_rows AS i FINAL
COMMENT 'Second opinions: what alibi-detect says of the raw rows of flagged panes, beside our verdicts';
