-- Why lines were refused in the last hour that still are: a replay may have read them since.
SELECT
    source,
    reason,
    sum(count) AS count,
    toUnixTimestamp64Milli(max(received)) AS received_ms,
    argMax(sample, received) AS sample
FROM quarantine
WHERE received > now64(3) - INTERVAL 1 HOUR
GROUP BY source, reason
ORDER BY count DESC
LIMIT 1000
