-- What was refused in the last hour and still is: a replay may have read it since.
SELECT source, sum(count) AS refused, toUnixTimestamp64Milli(max(received)) AS received_ms
FROM quarantine
WHERE received > now64(3) - INTERVAL 1 HOUR
GROUP BY source
