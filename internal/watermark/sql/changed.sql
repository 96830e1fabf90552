-- Which stretches of time were written to since the last look. Without messages: read again.
SELECT
    toUnixTimestamp64Milli(stored) AS stored_ms,
    toUnixTimestamp64Milli(min(oldest)) AS oldest_ms,
    toUnixTimestamp64Milli(max(newest)) AS newest_ms
FROM deliveries
WHERE stored > fromUnixTimestamp64Milli({after:Int64}, 'UTC') AND (lines > 0 OR messages = 0)
GROUP BY stored, first
ORDER BY stored
LIMIT 10000
