-- What each source delivered: in the last ten seconds, the last minute and, for how late it is, the
-- last ten.
WITH stored > now64(3) - INTERVAL 10 SECOND AS recent, stored > now64(3) - INTERVAL 1 MINUTE AS this_minute
SELECT
    source,
    partition,
    toUnixTimestamp64Milli(max(received)) AS received_ms,
    toUnixTimestamp64Milli(max(deliveries.stored)) AS stored_ms,
    toUnixTimestamp64Milli(maxIf(newest, lines > 0)) AS newest_ms,
    -- How long it usually lets us wait: nine of ten pauses between two deliveries are shorter.
    arrayReduce('quantileExact(0.9)', arrayPopFront(arrayDifference(arraySort(groupUniqArrayIf(received, messages > 0))))::Array(Float64)) AS pause,
    [sum(late_0), sum(late_1), sum(late_2), sum(late_3), sum(late_4), sum(late_5), sum(late_6), sum(late_7), sum(late_8), sum(late_9), sum(late_10), sum(late_11), sum(late_12), sum(late_13), sum(late_14), sum(late_15)] AS late,
    [sumIf(lines, recent), sumIf(refused, recent), sumIf(bytes, recent), sumIf(told_bytes, recent), sumIf(told_first_byte, recent), sumIf(told_duration, recent), sumIf(told_cache, recent), sumIf(told_client, recent), sumIf(told_session, recent)] AS last_10s,
    [sumIf(lines, this_minute), sumIf(refused, this_minute), sumIf(bytes, this_minute), sumIf(told_bytes, this_minute), sumIf(told_first_byte, this_minute), sumIf(told_duration, this_minute), sumIf(told_cache, this_minute), sumIf(told_client, this_minute), sumIf(told_session, this_minute)] AS last_minute,
    [sum(lines), sum(refused), sum(bytes), sum(told_bytes), sum(told_first_byte), sum(told_duration), sum(told_cache), sum(told_client), sum(told_session)] AS whole
FROM deliveries
WHERE stored > now64(3) - INTERVAL 10 MINUTE
GROUP BY source, partition
