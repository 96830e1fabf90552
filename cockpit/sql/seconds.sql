-- The live edge, by second, for the numbers that move.
SELECT
    toUnixTimestamp(time) AS second,
    cdn,
    sum(requests) AS requests,
    sum(bytes) AS bytes,
    sum(errors) AS errors
FROM requests_1s
WHERE time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')}
    AND ({cdn:String} = '' OR cdn = {cdn:String})
    AND ({isp:String} = '' OR isp = {isp:String})
    AND ({channel:String} = '' OR channel = {channel:String})
GROUP BY second, cdn
