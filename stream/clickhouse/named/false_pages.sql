-- Watched are final panes with a reference; a page counts where it was opened. What the pipeline says of itself is left out.
WITH
    watched AS (
        SELECT toStartOfQuarter(pane) AS quarter, monitor, sum(pane_s) / 86400 AS exposure_d
        FROM (
            SELECT DISTINCT v.monitor AS monitor, v.pane AS pane, v.pane_s AS pane_s FROM volume_panes AS v
            WHERE v.model = {model:String} AND v.segment_key = ''
              AND v.pane >= {from:DateTime64(3, 'UTC')} AND v.pane < {to:DateTime64(3, 'UTC')}
              AND v.lineage IN (SELECT lineage FROM lineages WHERE reference != '')
        )
        GROUP BY quarter, monitor
    ),
    raised AS (
        SELECT
            toStartOfQuarter(n.opened) AS quarter, n.monitor AS monitor, count() AS pages,
            countIf(f.answer = 'real') AS real, countIf(f.answer = 'not-worth') AS not_worth,
            countIf(f.answer = 'false') AS false_pages
        FROM incidents AS n
        LEFT JOIN (SELECT model, id, answer FROM feedback WHERE is_now) AS f ON n.model = f.model AND n.id = f.id
        WHERE n.model = {model:String} AND n.level = 'page' AND n.kind != 'pipeline'
        GROUP BY quarter, monitor
    )
SELECT
    w.quarter AS quarter, w.monitor AS monitor, w.exposure_d AS exposure_d, w.exposure_d / b.budget_d AS allowed,
    r.pages AS pages, r.real AS real, r.not_worth AS not_worth, r.false_pages AS false_pages,
    r.pages - r.real - r.not_worth - r.false_pages AS unanswered
FROM watched AS w
LEFT JOIN raised AS r ON w.quarter = r.quarter AND w.monitor = r.monitor
LEFT JOIN (SELECT monitor, budget_d FROM budget WHERE model = {model:String}) AS b ON w.monitor = b.monitor
ORDER BY quarter, monitor
