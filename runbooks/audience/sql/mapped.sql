-- Which viewer is which contact, or has which address, in the order of the viewers' ids.
SELECT id, contact, if({kind:String} = 'email', email, phone) AS address, if(lang = '', {lang:String}, lang) AS said, if({kind:String} = 'email', email_agree, sms_agree) AS agree
FROM
(
    SELECT id, contact, email, phone, lang, email_agree, sms_agree, until
    FROM contacts
    WHERE generation IN {maps:Array(UInt64)}
    ORDER BY id, version DESC, line DESC
    LIMIT 1 BY id
)
WHERE until > {now:DateTime('UTC')}
ORDER BY id
