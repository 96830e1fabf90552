-- Distinct sessions heard of in the 30 seconds that end with each 10 seconds asked for, by tool: each
-- state counts in its own slot and the two after it. Each number of sets is one division: its bits are the
-- dimensions. told is unweighted.
SELECT slot, dimensions, tool, by_cdn, by_isp, by_channel, by_device, sum(weight * sessions) AS viewers, toFloat64(sum(sessions)) AS told
FROM
(
    SELECT
        arrayJoin([0, 1, 2]) + toInt64(intDiv(toUnixTimestamp(time), 10)) AS slot,
        arrayJoin({sets:Array(UInt8)}) AS dimensions,
        toString(sessions_10s.tool) AS tool,
        toString(if(bitTest(dimensions, 0), cdn, '')) AS by_cdn,
        toString(if(bitTest(dimensions, 1), isp, '')) AS by_isp,
        toString(if(bitTest(dimensions, 2), channel, '')) AS by_channel,
        toString(if(bitTest(dimensions, 3), device, '')) AS by_device,
        weight,
        uniqCombined64Merge(14)(sessions) AS sessions
    FROM sessions_10s
    WHERE time >= {from:DateTime('UTC')} - INTERVAL 20 SECOND AND time < {to:DateTime('UTC')}
    GROUP BY slot, dimensions, tool, by_cdn, by_isp, by_channel, by_device, weight
)
WHERE has({slots:Array(Int64)}, slot)
GROUP BY slot, dimensions, tool, by_cdn, by_isp, by_channel, by_device
