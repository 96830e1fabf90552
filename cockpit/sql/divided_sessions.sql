-- What viewers experienced, from single beacons, by each of a few dimensions; ten parts of each.
SELECT
    by,
    name,
    lines,
    sessions,
    part.startup / 1e3 AS startup,
    playing,
    rebuffering,
    failures,
    attempts,
    count() OVER (PARTITION BY by) AS parts,
    sum(part.sessions) OVER (PARTITION BY by) AS whole
FROM
(
    SELECT
        multiIf(grouping(channel) = 0, 'channel', grouping(device) = 0, 'device', grouping(player) = 0, 'player', 'error') AS by,
        multiIf(grouping(channel) = 0, channel, grouping(device) = 0, device, grouping(player) = 0, player, error_code)::String AS name,
        count() AS lines,
        uniqCombined64(14)(session) * avg(weight) AS sessions,
        if(countIf(beacons.startup >= 0) = 0, -1, quantileTDigestIf(0.5)(beacons.startup, beacons.startup >= 0)) AS startup,
        sum(beacons.playing * weight) AS playing,
        sum(beacons.rebuffering * weight) AS rebuffering,
        sumIf(weight, event = 'playbackFail') AS failures,
        sumIf(weight, event = 'playbackRequest') AS attempts
    FROM beacons
    WHERE time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')}
    AND ({cdn:String} = '' OR cdn = {cdn:String})
    AND ({isp:String} = '' OR isp = {isp:String})
    AND ({channel:String} = '' OR channel = {channel:String})
        AND ({device:String} = '' OR device = {device:String})
    GROUP BY GROUPING SETS ((channel), (device), (player), (error_code))
) AS part
WHERE by != 'error' OR name != ''
ORDER BY indexOf(['channel', 'device', 'player', 'error'], by), sessions DESC, name
LIMIT 10 BY by
