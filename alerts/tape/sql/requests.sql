-- What CDNs sent, by seconds or tens of them, divided by what somebody's rule divides by: bit i of by is
-- the i-th dimension. Of seconds, those alone that are asked for; none: all of the stretch.
SELECT
    toInt64(intDiv(toUnixTimestamp(time), {grain:UInt32})) AS slot,
    toString(if(bitTest({by:UInt8}, 0), cdn, '')) AS by_cdn,
    toString(if(bitTest({by:UInt8}, 1), isp, '')) AS by_isp,
    toString(if(bitTest({by:UInt8}, 2), channel, '')) AS by_channel,
    toString(if(bitTest({by:UInt8}, 3), class, '')) AS by_class,
    toFloat64(sum(lines)),
    sum(requests),
    sum(bytes),
    sum(errors),
    sumIf(requests, status_class = 4 AND blocked = 0),
    sumIf(requests, blocked = 1),
    sumIf(requests, class = 'segment' AND cache NOT IN ('', 'unknown')),
    sumIf(requests, class = 'segment' AND cache IN ('miss', 'pass')),
    toFloat64(sumIf(lines, class = 'segment' AND cache NOT IN ('', 'unknown'))),
    sum(first_byte_0), sum(first_byte_1), sum(first_byte_2), sum(first_byte_3), sum(first_byte_4), sum(first_byte_5), sum(first_byte_6), sum(first_byte_7), sum(first_byte_8), sum(first_byte_9), sum(first_byte_10), sum(first_byte_11), sum(first_byte_12), sum(first_byte_13), sum(first_byte_14), sum(first_byte_15)
FROM requests_1s
WHERE time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')}
    AND (empty({seconds:Array(UInt32)}) OR time IN (SELECT toDateTime(arrayJoin({seconds:Array(UInt32)}), 'UTC')))
GROUP BY slot, by_cdn, by_isp, by_channel, by_class
