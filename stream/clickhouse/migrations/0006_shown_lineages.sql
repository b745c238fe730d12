-- Shadow lineages: what a replay computed beside the live ones. They are hidden until somebody switches a monitor to one; then
-- its panes are shown in place of those of the lineages that were live at that time, over the span that it covers. The newest
-- row of switch_rows of a monitor decides, so views switch, and switch back, in one step.

CREATE TABLE IF NOT EXISTS replay_rows (
    lineage   LowCardinality(String) COMMENT 'Shadow lineage that it computes: a lineage with a row here is none of the live ones',
    replay    String COMMENT 'Replay: hash of all that defines its result',
    request   String COMMENT 'Hash of what was asked for, before positions were known',
    monitor   LowCardinality(String) COMMENT 'Monitor',
    model     LowCardinality(String) COMMENT 'Model',
    state     LowCardinality(String) COMMENT 'running, stopped or done',
    who       LowCardinality(String) COMMENT 'Who asked for it',
    began     DateTime64(3, 'UTC') COMMENT 'When it began [UTC]',
    positions Array(Tuple(partition Int64, first Int64, end Int64)) COMMENT 'Range of each ledger partition, the end not included',
    rows      Int64 COMMENT 'Predictions and labels of the model in that range, so far [rows]',
    from      DateTime64(3, 'UTC') COMMENT 'Start of its first pane with rows, event time [UTC]',
    to        DateTime64(3, 'UTC') COMMENT 'End of its newest final pane, event time [UTC]',
    changed   DateTime64(3, 'UTC') COMMENT 'When this row was written: the newest counts [UTC]'
) ENGINE = ReplacingMergeTree(changed)
ORDER BY lineage
COMMENT 'Replays of the ledger into shadow lineages';

CREATE TABLE IF NOT EXISTS switch_rows (
    monitor LowCardinality(String) COMMENT 'Monitor',
    model   LowCardinality(String) COMMENT 'Model',
    number  Int64 COMMENT 'Number of the switch of that monitor, from 1: the highest decides what is shown',
    action  LowCardinality(String) COMMENT 'switch or back',
    lineage LowCardinality(String) COMMENT 'Shadow lineage that is shown; empty for none',
    hidden  Array(String) COMMENT 'Live lineages that are hidden where it is shown',
    from    DateTime64(3, 'UTC') COMMENT 'Start of the first pane that it is shown for [UTC]',
    to      DateTime64(3, 'UTC') COMMENT 'End of the last pane that it is shown for [UTC]',
    before  Int64 COMMENT 'Number of the switch that the next step back returns to; 0: to none',
    who     LowCardinality(String) COMMENT 'Who did it',
    at      DateTime64(3, 'UTC') COMMENT 'When [UTC]'
) ENGINE = ReplacingMergeTree(at)
ORDER BY (model, monitor, number)
COMMENT 'Which shadow lineage is shown of each monitor, one row for each change';

CREATE OR REPLACE VIEW lineage_switches (
    monitor LowCardinality(String) COMMENT 'Monitor',
    model   LowCardinality(String) COMMENT 'Model',
    number  Int64 COMMENT 'Number of the switch of that monitor, from 1',
    action  LowCardinality(String) COMMENT 'switch or back',
    lineage LowCardinality(String) COMMENT 'Shadow lineage that is shown from then on; empty for none',
    hidden  Array(String) COMMENT 'Live lineages that are hidden where it is shown',
    from    DateTime64(3, 'UTC') COMMENT 'Start of the first pane that it is shown for [UTC]',
    to      DateTime64(3, 'UTC') COMMENT 'End of the last pane that it is shown for [UTC]',
    who     LowCardinality(String) COMMENT 'Who did it',
    at      DateTime64(3, 'UTC') COMMENT 'When [UTC]',
    is_now  Bool COMMENT 'Whether it decides what is shown now'
) AS
SELECT
    monitor, model, number, action, lineage, hidden, `from`, `to`, who, at,
    number = max(number) OVER (PARTITION BY model, monitor) AS is_now
FROM (SELECT * FROM switch_rows FINAL)
COMMENT 'Who switched the views to which shadow lineage, and back';

CREATE OR REPLACE VIEW all_lineages (
    lineage     LowCardinality(String) COMMENT 'Lineage: measuring part of a spec with one reference',
    monitor     LowCardinality(String) COMMENT 'Monitor',
    model       LowCardinality(String) COMMENT 'Model',
    revision    Int64 COMMENT 'Revision of the spec that began it; of a shadow, that was in force when it was made',
    reference   LowCardinality(String) COMMENT 'sha256 of the reference; empty while learning',
    pane_s      Int64 COMMENT 'Length of its panes; 0 before the first with rows is final [s]',
    start       DateTime64(3, 'UTC') COMMENT 'First instant that it measures, event time [UTC]',
    first       DateTime64(3, 'UTC') COMMENT 'First arrival with rows [UTC]',
    from        DateTime64(3, 'UTC') COMMENT 'Start of its panes: among the live lineages, or of those that a shadow covers [UTC]',
    to          DateTime64(3, 'UTC') COMMENT 'End of its panes: among the live lineages, or of those that a shadow covers [UTC]',
    switch_from DateTime64(3, 'UTC') COMMENT 'From here views show a shadow in its place, or itself if it is that shadow [UTC]',
    switch_to   DateTime64(3, 'UTC') COMMENT 'Up to here; equal to switch_from if nowhere [UTC]',
    is_live     Bool COMMENT 'Whether it is the newest live one of its monitor',
    is_shadow   Bool COMMENT 'Whether a replay made it',
    is_shown    Bool COMMENT 'Whether views show panes of it',
    replay      String COMMENT 'Replay that made it; empty for a live one',
    state       LowCardinality(String) COMMENT 'Of the replay: running, stopped or done; empty for a live one',
    rows        Int64 COMMENT 'Of the replay: predictions and labels that it read; 0 for a live one [rows]',
    who         LowCardinality(String) COMMENT 'Who asked for the replay; empty for a live one',
    made        DateTime64(3, 'UTC') COMMENT 'When the replay began; of a live one, when it was known first [UTC]',
    spec        String COMMENT 'The spec, as JSON',
    known       DateTime64(3, 'UTC') COMMENT 'When this was known first, log clock [UTC]'
) AS
SELECT
    l.lineage AS lineage, l.monitor AS monitor, l.model AS model, l.revision AS revision, l.reference AS reference,
    l.pane_s AS pane_s, l.start AS start, l.first AS first,
    multiIf(
        l.is_shadow, l.shadow_from,
        row_number() OVER in_order = 1, toDateTime64('1900-01-01 00:00:00', 3, 'UTC'),
        l.first
    ) AS `from`,
    multiIf(
        l.is_shadow, l.shadow_to,
        is_live, toDateTime64('2299-01-01 00:00:00', 3, 'UTC'),
        min(l.first) OVER later
    ) AS `to`,
    if(l.is_switched, l.shown_from, toDateTime64(0, 3, 'UTC')) AS switch_from,
    multiIf(
        NOT l.is_switched, toDateTime64(0, 3, 'UTC'),
        l.is_shadow, greatest(l.shown_from, least(l.shown_to, min(if(l.is_shadow OR l.is_switched,
            toDateTime64('2299-01-01 00:00:00', 3, 'UTC'), l.first)) OVER (PARTITION BY l.model, l.monitor))),
        l.shown_to
    ) AS switch_to,
    NOT l.is_shadow AND row_number() OVER in_order = count() OVER in_order AS is_live,
    l.is_shadow AS is_shadow,
    if(l.is_shadow, switch_from < switch_to, `from` < switch_from OR `to` > switch_to OR switch_from = switch_to) AS is_shown,
    l.replay AS replay, l.state AS state, l.rows AS rows, l.who AS who, l.made AS made, l.spec AS spec, l.known AS known
FROM (
    SELECT
        r.lineage AS lineage, r.monitor AS monitor, r.model AS model, r.revision AS revision,
        r.reference AS reference, r.spec AS spec, r.start AS start, r.known AS known, r.position AS position,
        p.pane_s AS pane_s,
        if(p.pane_s = 0, toDateTime64('2299-01-01 00:00:00', 3, 'UTC'), greatest(r.start, p.first)) AS first,
        w.lineage != '' AS is_shadow, w.`from` AS shadow_from, w.`to` AS shadow_to, w.replay AS replay,
        w.state AS state, w.rows AS rows, w.who AS who, if(w.lineage != '', w.began, r.known) AS made,
        if(w.lineage != '', s.lineage = r.lineage, has(s.hidden, r.lineage)) AS is_switched,
        s.`from` AS shown_from, s.`to` AS shown_to
    FROM (SELECT * FROM lineages_rows FINAL) AS r
    LEFT JOIN (
        SELECT lineage, max(pane_s) AS pane_s, min(first) AS first FROM lineage_panes GROUP BY lineage
    ) AS p ON r.lineage = p.lineage
    LEFT JOIN (SELECT * FROM replay_rows FINAL) AS w ON r.lineage = w.lineage
    LEFT JOIN (SELECT * FROM switch_rows FINAL ORDER BY number DESC LIMIT 1 BY model, monitor) AS s
        ON r.model = s.model AND r.monitor = s.monitor
) AS l
WINDOW
    in_order AS (
        PARTITION BY l.model, l.monitor, l.is_shadow ORDER BY l.revision, l.position
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ),
    later AS (
        PARTITION BY l.model, l.monitor, l.is_shadow ORDER BY l.revision, l.position
        ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    )
COMMENT 'All lineages, live ones and shadows, shown or not';

-- A live lineage that a shadow covers in the middle has two rows: what is before, and what comes after. The newest live one
-- always has a row, so that there is one row with is_live. A lineage that came to life after the switch is never hidden: the
-- shadow ends where it begins.
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
    is_live    Bool COMMENT 'Whether it is the newest live one of its monitor, and these are its newest panes',
    spec       String COMMENT 'The spec, as JSON',
    known      DateTime64(3, 'UTC') COMMENT 'When this was known first, log clock [UTC]'
) AS
SELECT
    a.lineage AS lineage, a.monitor AS monitor, a.model AS model, a.revision AS revision, a.reference AS reference,
    a.pane_s AS pane_s, a.start AS start, stretch.1 AS shown_from, stretch.2 AS shown_to,
    a.is_live AND stretch.3 AS is_live, a.spec AS spec, a.known AS known
FROM all_lineages AS a
ARRAY JOIN multiIf(
    a.is_shadow, if(a.is_shown, [(a.switch_from, a.switch_to, false)], []),
    a.switch_from = a.switch_to, [(a.`from`, a.`to`, true)],
    arrayFilter(
        part -> part.1 < part.2 OR (part.3 AND a.is_live),
        [(a.`from`, least(a.`to`, a.switch_from), false), (greatest(a.`from`, a.switch_to), a.`to`, true)]
    )
) AS stretch
COMMENT 'Lineages, and which panes are shown of each: a row for each stretch of panes';

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
LEFT JOIN (SELECT lineage, is_shadow, switch_from, switch_to FROM all_lineages) AS l ON v.lineage = l.lineage
WHERE (v.pane >= l.switch_from AND v.pane < l.switch_to) = l.is_shadow
COMMENT 'Decisions about features and metrics, one for each target and pane, of the lineages that are shown. Filter by model and pane';

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
    known    DateTime64(3, 'UTC') COMMENT 'When it last changed, log clock [UTC]'
) AS
SELECT
    i.id AS id, i.model AS model, i.lineage AS lineage, i.monitor AS monitor, i.kind AS kind, i.level AS level,
    i.title AS title, i.features AS features, i.opened AS opened,
    if(i.closed > toDateTime64(0, 3, 'UTC'), i.closed, NULL) AS closed, i.since AS since, isNull(closed) AS is_open,
    i.verdicts AS verdicts, i.known AS known
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
