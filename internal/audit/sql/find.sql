-- What was done, the newest first, before a cursor.
SELECT at, sequence, who, what, `on`, `from`, outcome
FROM audit
WHERE at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
  AND (at, sequence) < (fromUnixTimestamp64Milli({before:Int64}, 'UTC'), {before_sequence:UInt64})
  AND ({who:String} = '' OR positionCaseInsensitiveUTF8(who, {who:String}) > 0)
  AND ({what:String} = '' OR what = {what:String})
ORDER BY at DESC, sequence DESC
LIMIT {limit:UInt32}
