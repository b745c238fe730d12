-- Over all mature panes: shares and means weighted by rows, differences by what both sides tell; panes taken as independent.
SELECT
    segment_key, segment_value, d.metric AS metric, model_version, sum(d.n) AS rows, sum(d.value * d.n) / rows AS value,
    sum(d.rest * d.rest_n) / sum(d.rest_n) AS of_the_rest, sum(d.difference * weight) / sum(weight) AS difference,
    difference - half_width AS lo, difference + half_width AS hi,
    1.96 * sqrt(sum(pow(weight * (d.hi - d.lo) / 3.92, 2))) / sum(weight) AS half_width
FROM (SELECT *, 1 / (1 / n + 1 / rest_n) AS weight FROM disparities) AS d
WHERE model = {model:String} AND is_mature AND pane >= {from:DateTime64(3, 'UTC')} AND pane < {to:DateTime64(3, 'UTC')}
GROUP BY segment_key, segment_value, metric, model_version
ORDER BY abs(difference) / half_width DESC, segment_key, segment_value, metric, model_version
LIMIT 100
