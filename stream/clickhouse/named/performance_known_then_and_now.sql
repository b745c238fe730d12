SELECT
    n.pane AS pane, n.model_version AS model_version, t.value AS then_known, n.value AS now_known,
    t.maturity AS then_maturity, n.maturity AS now_maturity
FROM performance_panes_known(known = {known:DateTime64(3, 'UTC')}) AS t
RIGHT JOIN performance_panes AS n
    USING (model, model_version, lineage, segment_key, segment_value, metric, pane)
WHERE model = {model:String} AND metric = {metric:String} AND segment_key = ''
  AND pane >= {from:DateTime64(3, 'UTC')} AND pane < {to:DateTime64(3, 'UTC')}
ORDER BY pane, model_version
