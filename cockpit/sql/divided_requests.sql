-- What CDNs sent, from single lines, by each of a few dimensions; ten parts of each.
SELECT
    by,
    name,
    lines,
    requests,
    bytes,
    errors,
    part.first_byte / 1e6 AS first_byte,
    count() OVER (PARTITION BY by) AS parts,
    sum(part.requests) OVER (PARTITION BY by) AS whole
FROM
(
    SELECT
        multiIf(grouping(channel) = 0, 'channel', grouping(class) = 0, 'class', grouping(code) = 0, 'status', grouping(cache) = 0, 'cache', grouping(pop) = 0, 'pop', 'protocol') AS by,
        multiIf(grouping(channel) = 0, channel, grouping(class) = 0, class, grouping(code) = 0, code, grouping(cache) = 0, cache, grouping(pop) = 0, pop, protocol)::String AS name,
        count() AS lines,
        sum(weight) AS requests,
        sum(line.bytes * weight) AS bytes,
        sumIf(weight, status >= 500 OR aborted) AS errors,
        if(countIf(line.first_byte >= 0) = 0, -1, quantileTDigestIf(0.95)(line.first_byte, line.first_byte >= 0)) AS first_byte
    FROM
    (
        SELECT *, toString(status)::LowCardinality(String) AS code
        FROM requests
        WHERE time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')}
        AND ({cdn:String} = '' OR cdn = {cdn:String})
            AND ({isp:String} = '' OR isp = {isp:String})
            AND ({channel:String} = '' OR channel = {channel:String})
    ) AS line
    GROUP BY GROUPING SETS ((channel), (class), (code), (cache), (pop), (protocol))
) AS part
ORDER BY indexOf(['channel', 'class', 'status', 'cache', 'pop', 'protocol'], by), requests DESC, name
LIMIT 10 BY by
