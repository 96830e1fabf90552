-- What each source delivered: in the last minute, and for how late it is, in the last ten.
SELECT
    source,
    partition,
    toUnixTimestamp64Milli(max(received)) AS received_ms,
    toUnixTimestamp64Milli(maxIf(newest, lines > 0)) AS newest_ms,
    -- How long it usually lets us wait: nine of ten pauses between two deliveries are shorter.
    arrayReduce('quantileExact(0.9)', arrayPopFront(arrayDifference(arraySort(groupUniqArrayIf(received, messages > 0))))::Array(Float64)) AS pause,
    sumIf(lines, stored > now64(3) - INTERVAL 1 MINUTE) AS last_minute,
    sum(refused) AS refused,
    [sum(late_0), sum(late_1), sum(late_2), sum(late_3), sum(late_4), sum(late_5), sum(late_6), sum(late_7), sum(late_8), sum(late_9), sum(late_10), sum(late_11), sum(late_12), sum(late_13), sum(late_14), sum(late_15)] AS late
FROM deliveries
WHERE stored > now64(3) - INTERVAL 10 MINUTE
GROUP BY source, partition
