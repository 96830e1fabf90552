-- The latest lines, as their CDN wrote them but for the query.
SELECT
    toUnixTimestamp64Milli(time) AS time_ms,
    cdn,
    isp,
    channel,
    pop,
    method,
    cutQueryStringAndFragment(path) AS path,
    cache,
    status,
    bytes,
    first_byte,
    duration,
    aborted,
    blocked,
    toString(client) AS client,
    user_agent
FROM requests
WHERE time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')}
    AND ({cdn:String} = '' OR cdn = {cdn:String})
    AND ({isp:String} = '' OR isp = {isp:String})
    AND ({channel:String} = '' OR channel = {channel:String})
    AND ({failed:UInt8} = 0 OR status >= 500 OR aborted)
    AND ({status:UInt16} = 0 OR status = {status:UInt16})
    AND ({pop:String} = '' OR pop = {pop:String})
ORDER BY time DESC
LIMIT {most:UInt32}
