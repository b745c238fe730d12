-- Scores of both are in the same row, so pairs are exact. Loss is log loss of a binary class; below 0: the challenger is better.
WITH
    truths AS (
        SELECT prediction_id, argMax(label, (revision, -ledger_position, -position)) AS truth FROM labels
        WHERE model = {model:String} AND lane = 'truth' AND label IN (0, 1)
        GROUP BY prediction_id
    ),
    pairs AS (
        SELECT
            toStartOfWeek(p.event_time, 1) AS week, p.model_version AS champion, challenger,
            least(greatest(assumeNotNull(p.score), 1e-6), 1 - 1e-6) AS a, least(greatest(b_score, 1e-6), 1 - 1e-6) AS b,
            p.prediction_id AS prediction_id
        FROM predictions AS p
        ARRAY JOIN mapKeys(p.shadow) AS challenger, mapValues(p.shadow) AS b_score
        WHERE p.model = {model:String} AND p.fate = 'used' AND isNotNull(p.score)
          AND p.event_time >= {from:DateTime64(3, 'UTC')} AND p.event_time < {to:DateTime64(3, 'UTC')}
    )
SELECT
    week, champion, challenger, count() AS pairs,
    avg(if(truth = 1, -log(a), -log(1 - a))) AS champion_log_loss,
    avg(if(truth = 1, -log(b), -log(1 - b))) AS challenger_log_loss,
    challenger_log_loss - champion_log_loss AS difference,
    1.96 * stddevSamp(if(truth = 1, log(a) - log(b), log(1 - a) - log(1 - b))) / sqrt(pairs) AS half_width
FROM pairs INNER JOIN truths ON pairs.prediction_id = truths.prediction_id
GROUP BY week, champion, challenger
ORDER BY week, champion, challenger
