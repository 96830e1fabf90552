-- What an import says that is new: against what holds in the generations that are in use.
SELECT
    count() AS contacts,
    countIf(NOT known) AS added,
    countIf(known AND told != held) AS changed
FROM
(
    SELECT
        id,
        countIf(of_import = 0) > 0 AS known,
        anyIf(hash, of_import = 1) AS told,
        anyIf(hash, of_import = 0) AS held
    FROM
    (
        SELECT id, 1 AS of_import, cityHash64(contact, email, phone, lang, email_agree, sms_agree, attributes) AS hash
        FROM contacts
        WHERE generation = {generation:UInt64}
        ORDER BY id, line DESC
        LIMIT 1 BY id
        UNION ALL
        SELECT id, 0, hash
        FROM
        (
            SELECT id, until, cityHash64(contact, email, phone, lang, email_agree, sms_agree, attributes) AS hash
            FROM contacts
            WHERE generation IN {of:Array(UInt64)} AND id IN (SELECT id FROM contacts WHERE generation = {generation:UInt64})
            ORDER BY id, version DESC, line DESC
            LIMIT 1 BY id
        )
        WHERE until > {now:DateTime('UTC')}
    )
    GROUP BY id
)
