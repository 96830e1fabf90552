-- The contacts that a question is about, or the house's own people. A question is a list of lists of conditions, of
-- which one whole list must hold.
SELECT
    id,
    email,
    phone,
    if(lang = '', {lang:String}, lang) AS said,
    email_agree,
    sms_agree,
    arrayExists(w -> arrayAll(c -> has(c.2, if(c.1 = 'lang', said, JSONExtractString(attributes, c.1))) != c.3, w), JSONExtract({house:String}, 'Array(Array(Tuple(String, Array(String), Bool)))')) AS house
FROM
(
    SELECT id, email, phone, lang, email_agree, sms_agree, attributes, until
    FROM contacts
    WHERE generation IN {of:Array(UInt64)}
    ORDER BY id, version DESC, line DESC
    LIMIT 1 BY id
)
WHERE until > {now:DateTime('UTC')}
    AND (house OR arrayExists(w -> arrayAll(c -> has(c.2, if(c.1 = 'lang', said, JSONExtractString(attributes, c.1))) != c.3, w), JSONExtract({where:String}, 'Array(Array(Tuple(String, Array(String), Bool)))')))
