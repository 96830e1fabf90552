-- The same, by CDN and network, for one such 30 seconds.
SELECT tool, cdn, isp, sum(weight * sessions) AS viewers
FROM
(
    SELECT tool, cdn, isp, weight, uniqCombined64Merge(14)(sessions) AS sessions
    FROM sessions_10s
    WHERE time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')}
    GROUP BY tool, cdn, isp, weight
)
GROUP BY tool, cdn, isp
