-- Bins are fixed by the reference, so sums over any panes are enough. JS is the distance to base 2; 0.0001 keeps logs finite.
WITH
    (SELECT lineage FROM lineages WHERE model = {model:String} AND is_live LIMIT 1) AS live,
    shares AS (
        SELECT feature, bin, sum(b.count) AS c, any(b.ref_share) AS r, sum(c) OVER (PARTITION BY feature) AS n, c / n AS p
        FROM feature_bins AS b
        WHERE model = {model:String} AND lineage = live
          AND segment_key = {segment_key:String} AND segment_value = {segment_value:String}
          AND pane >= {from:DateTime64(3, 'UTC')} AND pane < {to:DateTime64(3, 'UTC')}
        GROUP BY feature, bin
    )
SELECT
    feature, any(n) AS rows, sum((p - r) * log((p + 1e-4) / (r + 1e-4))) AS psi,
    sqrt(greatest(0, 0.5 * sum(
        if(p > 0, p * log2(2 * p / (p + r)), 0) + if(r > 0, r * log2(2 * r / (p + r)), 0)
    ))) AS js
FROM shares
GROUP BY feature
ORDER BY psi DESC, feature
