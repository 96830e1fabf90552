-- In which seconds each source told something, and how much.
SELECT toString(source) AS by_source, toInt64(toUnixTimestamp(time)) AS second, toFloat64(sum(lines)) AS told
FROM
(
    SELECT source, time, lines FROM requests_1s WHERE time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')}
    UNION ALL
    SELECT source, time, lines FROM qoe_1s WHERE time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')}
)
GROUP BY by_source, second
ORDER BY second, by_source
