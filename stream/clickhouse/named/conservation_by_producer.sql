SELECT source, kind, received, used, duplicate, late_used, invalid, unmatched, pending, difference, refused
FROM producers
WHERE model = {model:String}
ORDER BY source, kind
