-- Sessions of one tool that told of watching what a hit is about; with suffered those that were stalled for longer than
-- a part of their time, or failed. Players name their sessions, and anybody can be a player: what is no plain
-- id is left out, for it ends in others' systems and in spreadsheets.
SELECT session
FROM beacons
WHERE time >= {from:DateTime64(3, 'UTC')} AND time < {to:DateTime64(3, 'UTC')}
    AND tool = {tool:String}
    AND ({cdn:String} = '' OR cdn = {cdn:String})
    AND ({isp:String} = '' OR isp = {isp:String})
    AND ({channel:String} = '' OR channel = {channel:String})
    AND ({device:String} = '' OR device = {device:String})
GROUP BY session
HAVING match(session, '^[A-Za-z0-9][A-Za-z0-9._:~+/=-]*$') AND (NOT {suffered:Bool} OR countIf(event = 'playbackFail' OR error_code != '') > 0 OR sum(rebuffering) > {limit:Float64} * (sum(playing) + sum(rebuffering)))
ORDER BY session
LIMIT {most:UInt64}
