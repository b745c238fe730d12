-- Means over panes, weighted by labels; the interval is that of the mean, panes taken as independent. Distance is to all rows.
WITH whole AS (
    SELECT model_version, sum(p.value * p.labels) / sum(p.labels) AS value
    FROM performance_panes AS p
    WHERE model = {model:String} AND metric = {metric:String} AND segment_key = '' AND is_mature AND p.value IS NOT NULL
      AND pane >= {from:DateTime64(3, 'UTC')} AND pane < {to:DateTime64(3, 'UTC')}
    GROUP BY model_version
)
SELECT
    s.segment_key AS segment_key, s.segment_value AS segment_value, s.model_version AS model_version,
    sum(s.labels) AS labels, sum(s.value * s.labels) / sum(s.labels) AS value,
    1.96 * sqrt(sum(pow(s.labels * (s.hi - s.lo) / 3.92, 2))) / sum(s.labels) AS half_width,
    value - half_width AS lo, value + half_width AS hi, value - any(whole.value) AS above_all_rows
FROM segment_panes AS s LEFT JOIN whole ON s.model_version = whole.model_version
WHERE s.model = {model:String} AND s.metric = {metric:String} AND s.is_mature AND s.value IS NOT NULL
  AND s.pane >= {from:DateTime64(3, 'UTC')} AND s.pane < {to:DateTime64(3, 'UTC')}
GROUP BY segment_key, segment_value, model_version
ORDER BY abs(above_all_rows) DESC, segment_key, segment_value, model_version
LIMIT 50
