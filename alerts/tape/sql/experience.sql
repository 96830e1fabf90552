-- What viewers experienced, in the same way; always by tool.
SELECT
    toInt64(intDiv(toUnixTimestamp(time), {grain:UInt32})) AS slot,
    toString(tool) AS by_tool,
    toString(if(bitTest({by:UInt8}, 1), cdn, '')) AS by_cdn,
    toString(if(bitTest({by:UInt8}, 2), isp, '')) AS by_isp,
    toString(if(bitTest({by:UInt8}, 3), channel, '')) AS by_channel,
    toString(if(bitTest({by:UInt8}, 4), device, '')) AS by_device,
    toFloat64(sum(lines)),
    sum(attempts),
    sum(starts),
    sum(playing),
    sum(rebuffering),
    sum(failed_starts) + sum(failed_plays),
    sum(early_exits),
    sum(cdn_bytes),
    sum(peer_bytes),
    sum(startup_0), sum(startup_1), sum(startup_2), sum(startup_3), sum(startup_4), sum(startup_5), sum(startup_6), sum(startup_7), sum(startup_8), sum(startup_9), sum(startup_10), sum(startup_11), sum(startup_12), sum(startup_13), sum(startup_14), sum(startup_15)
FROM qoe_1s
WHERE time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')}
    AND (empty({seconds:Array(UInt32)}) OR time IN (SELECT toDateTime(arrayJoin({seconds:Array(UInt32)}), 'UTC')))
GROUP BY slot, by_tool, by_cdn, by_isp, by_channel, by_device
