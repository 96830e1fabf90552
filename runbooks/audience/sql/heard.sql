-- Which tools told anything at all in a window, whatever it was about.
SELECT tool, uniq(session) AS sessions
FROM beacons
WHERE time >= {from:DateTime64(3, 'UTC')} AND time < {to:DateTime64(3, 'UTC')}
GROUP BY tool
ORDER BY sessions DESC, tool
