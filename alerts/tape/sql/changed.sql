-- Which stretches of time each source wrote to since the last look. Without messages: read again.
SELECT
    toUnixTimestamp64Milli(stored) AS stored_ms,
    partition,
    first,
    source,
    toUnixTimestamp64Milli(oldest) AS oldest_ms,
    toUnixTimestamp64Milli(newest) AS newest_ms
FROM deliveries
WHERE stored > fromUnixTimestamp64Milli({after:Int64}, 'UTC') AND (lines > 0 OR messages = 0)
ORDER BY stored
LIMIT 20000
