SELECT
    if(l.label_text != '', l.label_text, toString(l.label)) AS class, count() AS labels,
    quantile(0.05)(delay_h) AS p05_h, quantile(0.5)(delay_h) AS p50_h, quantile(0.95)(delay_h) AS p95_h,
    max(delay_h) AS longest_h
FROM (
    SELECT p.prediction_id AS prediction_id, min(p.event_time) AS due FROM predictions AS p
    WHERE p.model = {model:String}
      AND p.event_time >= {from:DateTime64(3, 'UTC')} AND p.event_time < {to:DateTime64(3, 'UTC')}
    GROUP BY prediction_id
) AS p
INNER JOIN (
    SELECT prediction_id, label, label_text, event_time FROM labels
    WHERE model = {model:String} AND lane = 'truth' AND fate = 'used'
    ORDER BY revision DESC, ledger_position, position LIMIT 1 BY prediction_id
) AS l ON p.prediction_id = l.prediction_id
ARRAY JOIN [dateDiff('second', p.due, l.event_time) / 3600] AS delay_h
GROUP BY class
ORDER BY class
