-- Public views of what was decided. How sure a verdict is, in days: the time between such findings if nothing were wrong.

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

-- An incident belongs to the pane at whose end it was opened. What is open now is shown whatever was switched, and so is what
-- is said of the pipeline: it is about workers, not about panes.
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
WHERE (model, id) IN (SELECT model, id FROM incidents)
WINDOW in_order AS (PARTITION BY model, id ORDER BY position, closed)
COMMENT 'What happened to incidents, in order, of the lineages that are shown';

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

CREATE OR REPLACE VIEW feedback (
    id     String COMMENT 'Incident',
    model  LowCardinality(String) COMMENT 'Model',
    answer LowCardinality(String) COMMENT 'real, not-worth (real, not worth a page) or false',
    by     LowCardinality(String) COMMENT 'Who said it',
    at     DateTime64(3, 'UTC') COMMENT 'When it was said [UTC]',
    note   String COMMENT 'Why, in a sentence; empty if not said',
    is_now Bool COMMENT 'Whether it is the newest answer: that one counts'
) AS
SELECT
    incident AS id, model, answer, who AS by, at, note,
    row_number() OVER (PARTITION BY model, incident ORDER BY at DESC, position DESC) = 1 AS is_now
FROM (SELECT * FROM feedback_rows FINAL)
COMMENT 'Whether incidents were real, as people say';

-- The interval is Byar's for a Poisson count (exact at its lower end for one): its lower end as if every page that nobody answered for had been real, its upper
-- end as if it had been false. What the pipeline says of itself is not of the budget.
CREATE OR REPLACE VIEW budget (
    model       LowCardinality(String) COMMENT 'Model',
    monitor     LowCardinality(String) COMMENT 'Monitor',
    budget_d    Nullable(Float64) COMMENT 'One false page is allowed in so long a time; NULL before the first verdict [d]',
    exposure_d  Float64 COMMENT 'Final panes with a reference, all together: the time that was watched [d]',
    allowed     Nullable(Float64) COMMENT 'False pages that the budget allows in that time',
    pages       UInt64 COMMENT 'Incidents of level page in that time, what the pipeline says of itself left out',
    real        UInt64 COMMENT 'Of these, answered as real',
    not_worth   UInt64 COMMENT 'Of these, answered as real and not worth a page',
    false_pages UInt64 COMMENT 'Of these, answered as false',
    unanswered  UInt64 COMMENT 'Of these, nobody has said anything of',
    warnings    UInt64 COMMENT 'Incidents of lower levels in that time',
    rate        Nullable(Float64) COMMENT 'False pages in a time of budget_d, as answered: 1 is allowed; NULL without exposure',
    rate_lo     Nullable(Float64) COMMENT 'Lower end of its 95 % interval, if all that nobody answered for was real',
    rate_hi     Nullable(Float64) COMMENT 'Upper end of its 95 % interval, if all that nobody answered for was false'
) AS
SELECT
    e.model AS model, e.monitor AS monitor, if(v.budget_d > 0, v.budget_d, NULL) AS budget_d, e.exposure_d AS exposure_d,
    e.exposure_d / budget_d AS allowed, i.pages AS pages, i.real AS real, i.not_worth AS not_worth,
    i.false_pages AS false_pages, pages - real - not_worth - false_pages AS unanswered, i.warnings AS warnings,
    false_pages / nullIf(allowed, 0) AS rate,
    multiIf(
        false_pages = 0, 0, false_pages = 1, -log(0.975),
        false_pages * pow(1 - 1 / (9 * false_pages) - 1.96 / (3 * sqrt(false_pages)), 3)
    ) / nullIf(allowed, 0) AS rate_lo,
    (false_pages + unanswered + 1) * pow(
        1 - 1 / (9 * (false_pages + unanswered + 1)) + 1.96 / (3 * sqrt(false_pages + unanswered + 1)), 3
    ) / nullIf(allowed, 0) AS rate_hi
FROM (
    SELECT model, monitor, sum(panes * pane_s) / 86400 AS exposure_d
    FROM (
        SELECT l.model AS model, l.monitor AS monitor, r.lineage AS lineage, uniqExact(r.pane) AS panes, max(r.pane_s) AS pane_s
        FROM panes_rows AS r FINAL INNER JOIN lineages AS l ON r.lineage = l.lineage
        WHERE r.pane >= l.shown_from AND r.pane < l.shown_to AND r.pane >= l.start AND l.reference != ''
          AND r.segment_key = '' AND r.arrival = r.pane
        GROUP BY model, monitor, lineage
    )
    GROUP BY model, monitor
) AS e
LEFT JOIN (
    SELECT
        n.model AS model, n.monitor AS monitor, countIf(n.level = 'page') AS pages,
        countIf(n.level = 'page' AND f.answer = 'real') AS real,
        countIf(n.level = 'page' AND f.answer = 'not-worth') AS not_worth,
        countIf(n.level = 'page' AND f.answer = 'false') AS false_pages, countIf(n.level != 'page') AS warnings
    FROM incidents AS n
    LEFT JOIN (SELECT model, id, answer FROM feedback WHERE is_now) AS f ON n.model = f.model AND n.id = f.id
    WHERE n.kind != 'pipeline'
    GROUP BY model, monitor
) AS i ON e.model = i.model AND e.monitor = i.monitor
LEFT JOIN (
    SELECT model, monitor, argMax(budget_days, known) AS budget_d FROM verdicts_rows
    WHERE isFinite(budget_days) GROUP BY model, monitor
) AS v ON e.model = v.model AND e.monitor = v.monitor
COMMENT 'False pages that there were, beside those that the budget allows, by monitor';

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
