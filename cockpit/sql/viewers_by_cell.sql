-- The same, by CDN and network, for one such 30 seconds; and how many sessions told it, unweighted.
SELECT tool, cdn, isp, sum(weight * sessions) AS viewers, sum(sessions) AS told
FROM
(
    SELECT tool, cdn, isp, weight, uniqCombined64Merge(14)(sessions) AS sessions
    FROM sessions_10s
    WHERE time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')}
        AND ({cdn:String} = '' OR cdn = {cdn:String})
        AND ({isp:String} = '' OR isp = {isp:String})
        AND ({channel:String} = '' OR channel = {channel:String})
        AND ({device:String} = '' OR device = {device:String})
    GROUP BY tool, cdn, isp, weight
)
GROUP BY tool, cdn, isp
