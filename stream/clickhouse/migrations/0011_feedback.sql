-- What people say of incidents, and the false pages that there were beside those that the budget allows.

CREATE TABLE IF NOT EXISTS feedback_rows (
    model    LowCardinality(String) COMMENT 'Model',
    incident String COMMENT 'Incident',
    id       String COMMENT 'Command that said it',
    answer   LowCardinality(String) COMMENT 'real, not-worth or false',
    note     String COMMENT 'Why, in a sentence; empty if not said',
    who      LowCardinality(String) COMMENT 'Who said it',
    at       DateTime64(3, 'UTC') COMMENT 'When it was said [UTC]',
    known    DateTime64(3, 'UTC') COMMENT 'When the ledger stored it [UTC]',
    position Int64 COMMENT 'Position in topic commands: a higher one replaces a lower one'
) ENGINE = ReplacingMergeTree(position)
ORDER BY (model, incident, id)
COMMENT 'Answers of people to: was this useful?';

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
