"""What a demo asks ClickHouse while it runs and at its end. All queries are about one model, ``{model:String}``."""

from __future__ import annotations

# While it runs.

STATUS = """
SELECT
    (SELECT count() FROM panes_rows FINAL WHERE model = {model:String} AND segment_key = '' AND pane = arrival),
    (SELECT uniqExact(id) FROM incidents_rows WHERE model = {model:String}),
    (SELECT argMax(model_version, position) FROM roles_rows
        WHERE model = {model:String} AND role = 'champion')
"""

# A retrain is in flight from the request until its trainer has come to an end; a comparison in shadow is not.
IN_FLIGHT = """
SELECT id, argMax(step, position) AS step FROM retrains_rows WHERE model = {model:String}
GROUP BY id HAVING step IN ('requested', 'training')
"""

# The digest: integers of final panes by revision of the lineage, over all arrivals and versions.

PANE_COUNTS = """
SELECT p.model, l.revision, segment_key, segment_value, toUnixTimestamp64Milli(pane) AS pane_ms,
    sum(n), sum(invalid), sum(labels)
FROM (SELECT * FROM panes_rows FINAL WHERE model = {model:String}) AS p
LEFT JOIN (SELECT lineage, revision FROM lineages_rows FINAL) AS l ON p.lineage = l.lineage
GROUP BY ALL
"""

FEATURE_COUNTS = """
SELECT p.model, l.revision, segment_key, segment_value, toUnixTimestamp64Milli(pane) AS pane_ms, feature,
    sum(n), sum(missing), sum(invalid), sumForEach(bins)
FROM (SELECT * FROM feature_panes_rows FINAL WHERE model = {model:String}) AS p
LEFT JOIN (SELECT lineage, revision FROM lineages_rows FINAL) AS l ON p.lineage = l.lineage
GROUP BY ALL
"""

# The findings.

CONSERVATION = """
SELECT kind, sum(received), sum(used), sum(duplicate), sum(late_used), sum(invalid), sum(unmatched), sum(pending)
FROM conservation_rows FINAL WHERE model = {model:String} GROUP BY kind
"""

DEAD = "SELECT topic, uniqExact(partition, offset, line) FROM dead_letter_rows GROUP BY topic"

PANES = """
SELECT count(), countIf(segment_key = ''), uniqExactIf(pane, segment_key = ''), countIf(arrival > pane)
FROM panes_rows FINAL WHERE model = {model:String}
"""

STATISTICS = """
SELECT
    (SELECT count() FROM statistics_rows FINAL WHERE model = {model:String}),
    (SELECT uniqExact(feature) FROM statistics_rows WHERE model = {model:String}),
    (SELECT count() FROM verdicts_rows FINAL WHERE model = {model:String}),
    (SELECT count() FROM performance_rows FINAL WHERE model = {model:String})
"""

ALERTS = """
SELECT id, argMax(kind, position), argMax(level, position), toUnixTimestamp64Milli(argMax(opened, position)) AS at,
    toUnixTimestamp64Milli(argMax(closed, position)), argMax(features, position), argMax(title, position)
FROM incidents_rows WHERE model = {model:String} GROUP BY id ORDER BY at, id
"""

RETRAINS = """
SELECT r.id, q.to_ms, r.trigger, r.reason, q.evidence, r.step, r.version, r.verdict
FROM (
    SELECT id, argMax(trigger, position) AS trigger, argMax(reason, position) AS reason,
        argMax(step, position) AS step, argMaxIf(version, position, version != '') AS version,
        argMax(verdict, position) AS verdict, min(position) AS began
    FROM retrains_rows WHERE model = {model:String} GROUP BY id
) AS r
LEFT JOIN (
    SELECT id, toUnixTimestamp64Milli(to) AS to_ms, evidence FROM retrain_request_rows FINAL
    WHERE model = {model:String}
) AS q ON r.id = q.id
ORDER BY r.began, r.id
"""

VERSIONS = """
SELECT v.model_version, toUnixTimestamp64Milli(v.trained_from), toUnixTimestamp64Milli(v.trained_to), v.rows,
    v.metrics, r.last_role, toUnixTimestamp64Milli(r.served)
FROM (SELECT * FROM version_rows FINAL WHERE model = {model:String}) AS v
LEFT JOIN (
    SELECT model_version, argMax(role, position) AS last_role, minIf(since, role = 'champion') AS served
    FROM (SELECT model_version, role, since, position FROM roles_rows FINAL WHERE model = {model:String})
    GROUP BY model_version
) AS r ON v.model_version = r.model_version
ORDER BY length(v.model_version), v.model_version
"""

MONTHS = """
SELECT formatDateTime(event_time, '%Y-%m') AS month, uniqExact(prediction_id)
FROM prediction_rows WHERE model = {model:String} GROUP BY month ORDER BY month
"""

LATE = """
SELECT formatDateTime(event_time, '%Y-%m') AS month, count(), toInt64(sum(value)) FROM (
    SELECT event_time, value FROM label_rows FINAL WHERE model = {model:String} AND lane = 'truth'
) GROUP BY month
"""

# Each pane as known at its newest arrival; weighed by its labels.
LOSSES = """
SELECT formatDateTime(pane, '%Y-%m') AS month, model_version, sum(value * labels) / sum(labels), sum(labels)
FROM (
    SELECT pane, lineage, model_version, argMax(value, arrival) AS value, argMax(labels, arrival) AS labels
    FROM (SELECT * FROM performance_rows FINAL WHERE model = {model:String} AND metric = 'log_loss')
    WHERE segment_key = '' AND model_version != '' GROUP BY pane, lineage, model_version
) WHERE isFinite(value) AND labels > 0
GROUP BY month, model_version ORDER BY month, length(model_version), model_version
"""
