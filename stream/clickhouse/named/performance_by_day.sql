SELECT
    toDate(pane) AS day, model_version, sum(p.n) AS rows, sum(p.labels) AS labels,
    sum(p.value * p.labels) / sum(p.labels) AS value, any(p.tolerated) AS tolerated,
    sum(p.maturity * p.n) / sum(p.n) AS maturity, min(p.is_mature) AS is_mature
FROM performance_panes AS p
WHERE model = {model:String} AND metric = {metric:String} AND segment_key = '' AND isNotNull(p.value)
  AND pane >= {from:DateTime64(3, 'UTC')} AND pane < {to:DateTime64(3, 'UTC')}
GROUP BY day, model_version
ORDER BY day, model_version
