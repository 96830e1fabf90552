-- Contacts with an id, a mail address or a number, as they are now.
SELECT id, email, phone, if(lang = '', {lang:String}, lang) AS said, email_agree, sms_agree, attributes, updated
FROM
(
    SELECT id, email, phone, lang, email_agree, sms_agree, attributes, updated, until
    FROM contacts
    WHERE generation IN {of:Array(UInt64)} AND id IN
    (
        SELECT id FROM contacts
        WHERE generation IN {of:Array(UInt64)}
            AND (id = {id:String} OR ({email:String} != '' AND lower(email) = {email:String}) OR ({phone:String} != '' AND phone = {phone:String}))
    )
    ORDER BY id, version DESC, line DESC
    LIMIT 1 BY id
)
WHERE until > {now:DateTime('UTC')} AND (id = {id:String} OR ({email:String} != '' AND lower(email) = {email:String}) OR ({phone:String} != '' AND phone = {phone:String}))
ORDER BY id = {id:String} DESC, id
LIMIT 20
