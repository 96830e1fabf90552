-- Who was heard of in a stretch, by tool, where these dimensions are as given.
SELECT toString(sessions_10s.tool) AS by_tool, sum(weight * sessions) AS viewers
FROM
(
    SELECT tool, weight, uniqCombined64Merge(14)(sessions_10s.sessions) AS sessions
    FROM sessions_10s
    WHERE time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')}
        AND ({cdn:String} = '' OR cdn = {cdn:String})
        AND ({isp:String} = '' OR isp = {isp:String})
        AND ({channel:String} = '' OR channel = {channel:String})
        AND ({device:String} = '' OR device = {device:String})
    GROUP BY tool, weight
) AS sessions_10s
GROUP BY by_tool
