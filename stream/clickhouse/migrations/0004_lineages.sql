-- The public views: names and columns are the contract (docs/data-dictionary.md), tables are not. FINAL is inside, so each
-- row is the newest of its key. What is not defined is NULL, never NaN. The unit stands at the end of a comment, in
-- brackets.
--
-- Of the lineages of a monitor each pane shows one: a lineage from its first rows on, until the next one has rows. So
-- panes of different bins never add up, and history stays.
--
-- Shadow lineages: what a replay computed beside the live ones. They are hidden until somebody switches a monitor to one; then
-- its panes are shown in place of those of the lineages that were live at that time, over the span that it covers. The newest
-- row of switch_rows of a monitor decides, so views switch, and switch back, in one step.

CREATE TABLE IF NOT EXISTS lineage_panes (
    lineage LowCardinality(String) COMMENT 'Lineage',
    pane_s  SimpleAggregateFunction(max, Int64) COMMENT 'Length of its panes [s]',
    first   SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'First arrival with rows [UTC]'
) ENGINE = AggregatingMergeTree ORDER BY lineage
COMMENT 'What panes each lineage has, filled from panes_rows; smallest and largest, so rows may come twice';

CREATE MATERIALIZED VIEW IF NOT EXISTS lineage_panes_of_rows TO lineage_panes AS
SELECT lineage, max(pane_s) AS pane_s, min(arrival) AS first FROM panes_rows WHERE n > 0 GROUP BY lineage;

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
