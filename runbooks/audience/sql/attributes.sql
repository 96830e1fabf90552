-- Names that contacts' attributes have, and their values, the most frequent first.
SELECT name, value, contacts, sum(contacts) OVER (PARTITION BY name) AS named, count() OVER (PARTITION BY name) AS different
FROM
(
    SELECT tupleElement(pair, 1) AS name, tupleElement(pair, 2) AS value, count() AS contacts
    FROM
    (
        SELECT attributes, until
        FROM contacts
        WHERE generation IN {of:Array(UInt64)}
        ORDER BY id, version DESC, line DESC
        LIMIT 1 BY id
    )
    ARRAY JOIN JSONExtractKeysAndValues(attributes, 'String') AS pair
    WHERE until > {now:DateTime('UTC')}
    GROUP BY name, value
)
ORDER BY name, contacts DESC, value
LIMIT {values:UInt32} BY name
LIMIT 5000
