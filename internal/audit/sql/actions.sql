-- The kinds of actions that there were.
SELECT DISTINCT toString(what) AS what
FROM audit
ORDER BY what
LIMIT 200
