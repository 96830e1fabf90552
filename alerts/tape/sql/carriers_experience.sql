-- What viewers experienced in two stretches, before and now, by each of a few dimensions.
SELECT tupleElement(part, 1) AS dim, tupleElement(part, 2) AS name, late, toFloat64(sum(n_lines)), sum(n_attempts), sum(n_starts), sum(n_playing), sum(n_rebuffering), sum(n_failures), sum(n_exits), sum(n_cdn), sum(n_peer),
    sum(b0), sum(b1), sum(b2), sum(b3), sum(b4), sum(b5), sum(b6), sum(b7), sum(b8), sum(b9), sum(b10), sum(b11), sum(b12), sum(b13), sum(b14), sum(b15)
FROM
(
    SELECT
        arrayJoin([('cdn', toString(cdn)), ('isp', toString(isp)), ('channel', toString(channel)), ('device', toString(device))]) AS part,
        toUInt8(time >= {from:DateTime('UTC')}) AS late,
        sum(lines) AS n_lines, sum(attempts) AS n_attempts, sum(starts) AS n_starts, sum(playing) AS n_playing, sum(rebuffering) AS n_rebuffering,
        sum(failed_starts) + sum(failed_plays) AS n_failures, sum(early_exits) AS n_exits, sum(cdn_bytes) AS n_cdn, sum(peer_bytes) AS n_peer,
        sum(startup_0) AS b0, sum(startup_1) AS b1, sum(startup_2) AS b2, sum(startup_3) AS b3, sum(startup_4) AS b4, sum(startup_5) AS b5, sum(startup_6) AS b6, sum(startup_7) AS b7, sum(startup_8) AS b8, sum(startup_9) AS b9, sum(startup_10) AS b10, sum(startup_11) AS b11, sum(startup_12) AS b12, sum(startup_13) AS b13, sum(startup_14) AS b14, sum(startup_15) AS b15
    FROM qoe_1s
    WHERE time >= {before:DateTime('UTC')} AND time < {to:DateTime('UTC')}
        AND ({tool:String} = '' OR tool = {tool:String})
        AND ({cdn:String} = '' OR cdn = {cdn:String})
        AND ({isp:String} = '' OR isp = {isp:String})
        AND ({channel:String} = '' OR channel = {channel:String})
        AND ({device:String} = '' OR device = {device:String})
    GROUP BY cdn, isp, channel, device, late
)
GROUP BY dim, name, late
ORDER BY dim, name, late
LIMIT 10000
