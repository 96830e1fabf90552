-- What each CDN sent to each network, by 10 seconds.
SELECT
    toInt64(intDiv(toUnixTimestamp(time), 10)) AS slot,
    cdn,
    isp,
    sum(lines) AS lines,
    sum(requests) AS requests,
    sum(bytes) AS bytes,
    sum(errors) AS errors,
    sumIf(requests_1s.requests, status_class = 5) AS server,
    sumIf(requests_1s.requests, status_class = 4 AND requests_1s.blocked = 0) AS client,
    sumIf(requests_1s.requests, requests_1s.blocked = 1) AS blocked,
    [sum(first_byte_0), sum(first_byte_1), sum(first_byte_2), sum(first_byte_3), sum(first_byte_4), sum(first_byte_5), sum(first_byte_6), sum(first_byte_7), sum(first_byte_8), sum(first_byte_9), sum(first_byte_10), sum(first_byte_11), sum(first_byte_12), sum(first_byte_13), sum(first_byte_14), sum(first_byte_15)] AS first_byte
FROM requests_1s
WHERE time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')}
    AND ({cdn:String} = '' OR cdn = {cdn:String})
    AND ({isp:String} = '' OR isp = {isp:String})
    AND ({channel:String} = '' OR channel = {channel:String})
GROUP BY slot, cdn, isp
