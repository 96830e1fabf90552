-- What CDNs sent in two stretches, before and now, by each of a few dimensions.
SELECT tupleElement(part, 1) AS dim, tupleElement(part, 2) AS name, late, toFloat64(sum(n_lines)), sum(n_requests), sum(n_bytes), sum(n_errors), sum(n_client), sum(n_blocked), sum(n_told), sum(n_missed), toFloat64(sum(n_told_lines)),
    sum(b0), sum(b1), sum(b2), sum(b3), sum(b4), sum(b5), sum(b6), sum(b7), sum(b8), sum(b9), sum(b10), sum(b11), sum(b12), sum(b13), sum(b14), sum(b15)
FROM
(
    SELECT
        arrayJoin([('cdn', toString(cdn)), ('isp', toString(isp)), ('channel', toString(channel)), ('class', toString(class))]) AS part,
        toUInt8(time >= {from:DateTime('UTC')}) AS late,
        sum(lines) AS n_lines, sum(requests) AS n_requests, sum(bytes) AS n_bytes, sum(errors) AS n_errors,
        sumIf(requests, status_class = 4 AND blocked = 0) AS n_client,
        sumIf(requests, blocked = 1) AS n_blocked,
        sumIf(requests, class = 'segment' AND cache NOT IN ('', 'unknown')) AS n_told,
        sumIf(requests, class = 'segment' AND cache IN ('miss', 'pass')) AS n_missed,
        sumIf(lines, class = 'segment' AND cache NOT IN ('', 'unknown')) AS n_told_lines,
        sum(first_byte_0) AS b0, sum(first_byte_1) AS b1, sum(first_byte_2) AS b2, sum(first_byte_3) AS b3, sum(first_byte_4) AS b4, sum(first_byte_5) AS b5, sum(first_byte_6) AS b6, sum(first_byte_7) AS b7, sum(first_byte_8) AS b8, sum(first_byte_9) AS b9, sum(first_byte_10) AS b10, sum(first_byte_11) AS b11, sum(first_byte_12) AS b12, sum(first_byte_13) AS b13, sum(first_byte_14) AS b14, sum(first_byte_15) AS b15
    FROM requests_1s
    WHERE time >= {before:DateTime('UTC')} AND time < {to:DateTime('UTC')}
        AND ({cdn:String} = '' OR cdn = {cdn:String})
        AND ({isp:String} = '' OR isp = {isp:String})
        AND ({channel:String} = '' OR channel = {channel:String})
        AND ({class:String} = '' OR class = {class:String})
    GROUP BY cdn, isp, channel, class, late
)
GROUP BY dim, name, late
ORDER BY dim, name, late
LIMIT 10000
