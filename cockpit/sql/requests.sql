-- What each CDN sent to each network, by 10 seconds.
SELECT
    toInt64(intDiv(toUnixTimestamp(time), 10)) AS slot,
    cdn,
    isp,
    sum(lines) AS lines,
    sum(requests) AS requests,
    sum(bytes) AS bytes,
    sum(errors) AS errors,
    [sum(first_byte_0), sum(first_byte_1), sum(first_byte_2), sum(first_byte_3), sum(first_byte_4), sum(first_byte_5), sum(first_byte_6), sum(first_byte_7), sum(first_byte_8), sum(first_byte_9), sum(first_byte_10), sum(first_byte_11), sum(first_byte_12), sum(first_byte_13), sum(first_byte_14), sum(first_byte_15)] AS first_byte
FROM requests_1s
WHERE time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')}
GROUP BY slot, cdn, isp
