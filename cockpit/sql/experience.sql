-- What viewers experienced, by 10 seconds, as each tool saw it.
SELECT
    toInt64(intDiv(toUnixTimestamp(time), 10)) AS slot,
    tool,
    cdn,
    isp,
    sum(lines) AS lines,
    sum(attempts) AS attempts,
    sum(starts) AS starts,
    sum(playing) AS playing,
    sum(rebuffering) AS rebuffering,
    sum(failed_starts) + sum(failed_plays) AS failures,
    sum(bits_played) AS bits_played,
    sum(media_time) AS media_time,
    sum(peer_bytes) AS peer_bytes,
    sum(peer_uploaded) AS peer_uploaded,
    sum(cdn_bytes) AS cdn_bytes,
    [sum(startup_0), sum(startup_1), sum(startup_2), sum(startup_3), sum(startup_4), sum(startup_5), sum(startup_6), sum(startup_7), sum(startup_8), sum(startup_9), sum(startup_10), sum(startup_11), sum(startup_12), sum(startup_13), sum(startup_14), sum(startup_15)] AS startup
FROM qoe_1s
WHERE time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')}
    AND ({cdn:String} = '' OR cdn = {cdn:String})
    AND ({isp:String} = '' OR isp = {isp:String})
    AND ({channel:String} = '' OR channel = {channel:String})
    AND ({device:String} = '' OR device = {device:String})
GROUP BY slot, tool, cdn, isp
