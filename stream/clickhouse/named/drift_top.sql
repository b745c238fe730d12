SELECT
    target AS feature, countIf(status = 'drift') AS drifts, countIf(status = 'warning') AS warnings, count() AS judged,
    max(ifNull(v.evidence_days, 0)) AS most_evidence_days, any(v.budget_days) AS budget_days,
    argMax(v.effect, v.evidence_days) AS effect, argMax(v.effect_name, v.evidence_days) AS effect_name,
    argMax(v.floor, v.evidence_days) AS floor, argMax(v.pane, v.evidence_days) AS surest_pane,
    argMax(v.reason, v.evidence_days) AS reason
FROM feature_verdicts AS v
WHERE model = {model:String} AND segment_key = '' AND pane >= {from:DateTime64(3, 'UTC')} AND pane < {to:DateTime64(3, 'UTC')}
GROUP BY feature
ORDER BY drifts DESC, warnings DESC, most_evidence_days DESC, feature
