-- The contacts that are some viewer's.
SELECT id, if({kind:String} = 'email', email, phone) AS address, if(lang = '', {lang:String}, lang) AS said, if({kind:String} = 'email', email_agree, sms_agree) AS agree
FROM
(
    SELECT id, email, phone, lang, email_agree, sms_agree, until
    FROM contacts
    WHERE generation IN {of:Array(UInt64)} AND id IN (SELECT contact FROM contacts WHERE generation IN {maps:Array(UInt64)} AND contact != '')
    ORDER BY id, version DESC, line DESC
    LIMIT 1 BY id
)
WHERE until > {now:DateTime('UTC')}
