-- The same, counted by tool, and how many viewers they stand for.
SELECT tool, count() AS sessions, sum(stands_for) AS viewers
FROM
(
    SELECT tool, session, max(weight) AS stands_for
    FROM beacons
    WHERE time >= {from:DateTime64(3, 'UTC')} AND time < {to:DateTime64(3, 'UTC')}
        AND ({cdn:String} = '' OR cdn = {cdn:String})
        AND ({isp:String} = '' OR isp = {isp:String})
        AND ({channel:String} = '' OR channel = {channel:String})
        AND ({device:String} = '' OR device = {device:String})
    GROUP BY tool, session
    HAVING match(session, '^[A-Za-z0-9][A-Za-z0-9._:~+/=-]*$') AND (NOT {suffered:Bool} OR countIf(event = 'playbackFail' OR error_code != '') > 0 OR sum(rebuffering) > {limit:Float64} * (sum(playing) + sum(rebuffering)))
)
GROUP BY tool
ORDER BY sessions DESC, tool
