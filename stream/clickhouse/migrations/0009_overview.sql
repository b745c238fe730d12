-- Public views of all there is.

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
