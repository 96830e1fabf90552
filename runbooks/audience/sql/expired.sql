-- Contacts of some generations: those that hold, and of them those that are past their date, those of an import, and
-- those that one person's deletion is about.
SELECT
    count() AS contacts,
    countIf(until <= {expired:DateTime('UTC')}) AS expired,
    countIf(version = {import:UInt64}) AS imported,
    countIf(id = {erased:String} OR contact = {erased:String}) AS erased
FROM
(
    SELECT id, contact, version, until
    FROM contacts
    WHERE generation IN {of:Array(UInt64)}
    ORDER BY id, version DESC, line DESC
    LIMIT 1 BY id
)
