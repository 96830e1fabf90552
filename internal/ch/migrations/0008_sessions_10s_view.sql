CREATE MATERIALIZED VIEW IF NOT EXISTS sessions_10s_view TO sessions_10s AS
SELECT
    toStartOfInterval(beacons.time, INTERVAL 10 SECOND)::DateTime('UTC') AS time,
    tool,
    cdn,
    isp,
    channel,
    device,
    weight,
    toStartOfInterval(beacons.received, INTERVAL 10 SECOND)::DateTime('UTC') AS received,
    uniqCombined64State(14)(session) AS sessions
FROM beacons
WHERE event NOT IN ('playbackFail', 'playbackFinish')
GROUP BY time, tool, cdn, isp, channel, device, weight, received
