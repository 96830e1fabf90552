-- Distinct sessions heard of in the 30 seconds that end with each 10 seconds, by tool: each state
-- counts in its own slot and the two after it.
SELECT slot, tool, sum(weight * sessions) AS viewers
FROM
(
    SELECT
        arrayJoin([0, 1, 2]) + toInt64(intDiv(toUnixTimestamp(time), 10)) AS slot,
        tool,
        weight,
        uniqCombined64Merge(14)(sessions) AS sessions
    FROM sessions_10s
    WHERE time >= {from:DateTime('UTC')} - INTERVAL 20 SECOND AND time < {to:DateTime('UTC')}
        AND ({cdn:String} = '' OR cdn = {cdn:String})
        AND ({isp:String} = '' OR isp = {isp:String})
        AND ({channel:String} = '' OR channel = {channel:String})
        AND ({device:String} = '' OR device = {device:String})
    GROUP BY slot, tool, weight
)
WHERE slot >= intDiv(toUnixTimestamp({from:DateTime('UTC')}), 10) AND slot < intDiv(toUnixTimestamp({to:DateTime('UTC')}), 10)
GROUP BY slot, tool
