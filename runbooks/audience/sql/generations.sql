-- Generations that are stored, whether they are in use or not.
SELECT DISTINCT toUInt64(partition) AS generation
FROM system.parts
WHERE active AND database = currentDatabase() AND table = 'contacts'
ORDER BY generation
