-- Writes the rows that hold, of some generations, once more as one: without those that are to go. In parts, so that
-- each ends in time.
INSERT INTO contacts (generation, version, line, id, contact, email, phone, lang, email_agree, sms_agree, attributes, updated, until)
SELECT {generation:UInt64}, version, line, id, contact, email, phone, lang, email_agree, sms_agree, attributes, updated, until
FROM
(
    SELECT version, line, id, contact, email, phone, lang, email_agree, sms_agree, attributes, updated, until
    FROM contacts
    WHERE generation IN {of:Array(UInt64)} AND cityHash64(id) % {parts:UInt64} = {part:UInt64}
    ORDER BY id, version DESC, line DESC
    LIMIT 1 BY id
)
WHERE until > {expired:DateTime('UTC')} AND version != {import:UInt64} AND id != {erased:String} AND ({erased:String} = '' OR contact != {erased:String})
