-- Who was heard of in two half minutes, before and now, by each of a few dimensions, as the tool that heard
-- of most in both.
SELECT dim, name, late, toString(tool) AS by_tool, told, viewers
FROM
(
    SELECT dim, name, late, tool, toFloat64(sum(sessions)) AS told, sum(weight * sessions) AS viewers,
        sum(viewers) OVER (PARTITION BY tool) AS whole
    FROM
    (
        SELECT
            tupleElement(part, 1) AS dim,
            tupleElement(part, 2) AS name,
            toUInt8(time >= {from:DateTime('UTC')}) AS late,
            arrayJoin([('cdn', toString(cdn)), ('isp', toString(isp)), ('channel', toString(channel)), ('device', toString(device))]) AS part,
            tool,
            weight,
            uniqCombined64Merge(14)(sessions_10s.sessions) AS sessions
        FROM sessions_10s
        WHERE (time >= {before:DateTime('UTC')} AND time < {until:DateTime('UTC')} OR time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')})
            AND ({cdn:String} = '' OR cdn = {cdn:String})
            AND ({isp:String} = '' OR isp = {isp:String})
            AND ({channel:String} = '' OR channel = {channel:String})
            AND ({device:String} = '' OR device = {device:String})
        GROUP BY part, late, tool, weight
    )
    GROUP BY dim, name, late, tool
)
ORDER BY whole DESC, tool, dim, name, late
LIMIT 10000
