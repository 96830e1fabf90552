-- What was refused in the last hour.
SELECT source, sum(refused) AS refused, toUnixTimestamp64Milli(max(received)) AS received_ms
FROM deliveries
WHERE stored > now64(3) - INTERVAL 1 HOUR
GROUP BY source
