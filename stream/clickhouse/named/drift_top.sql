SELECT
    target AS feature, countIf(status = 'drift') AS drifts, countIf(status = 'warning') AS warnings, count() AS judged,
    max(v.effect) AS largest_effect, argMax(v.effect_name, v.effect) AS effect_name, argMax(v.floor, v.effect) AS floor,
    argMax(v.pane, v.effect) AS worst_pane, argMax(v.reason, v.effect) AS reason
FROM feature_verdicts AS v
WHERE model = {model:String} AND pane >= {from:DateTime64(3, 'UTC')} AND pane < {to:DateTime64(3, 'UTC')}
GROUP BY feature
ORDER BY drifts DESC, warnings DESC, largest_effect DESC, feature
