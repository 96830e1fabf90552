SELECT
    slot,
    cdn,
    kind,
    if(place <= 300 AND named != 'rest', named, '') AS name,
    sum(n) AS lines,
    sum(weighted) AS requests
FROM
(
    SELECT
        toInt64(intDiv(toUnixTimestamp(time), 10)) AS slot,
        cdn,
        kind,
        identities_10s.name AS named,
        sum(identities_10s.lines) AS n,
        sum(identities_10s.requests) AS weighted,
        row_number() OVER (PARTITION BY slot, cdn, kind ORDER BY weighted DESC, named) AS place
    FROM identities_10s
    WHERE time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')}
    GROUP BY slot, cdn, kind, named
)
GROUP BY slot, cdn, kind, name
ORDER BY slot, cdn, kind, name
