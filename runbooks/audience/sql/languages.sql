-- Languages that contacts are told in.
SELECT if(lang = '', {lang:String}, lang) AS value, count() AS contacts
FROM
(
    SELECT lang, until
    FROM contacts
    WHERE generation IN {of:Array(UInt64)}
    ORDER BY id, version DESC, line DESC
    LIMIT 1 BY id
)
WHERE until > {now:DateTime('UTC')}
GROUP BY value
ORDER BY contacts DESC, value
