-- Rows of a generation.
SELECT count() AS n FROM contacts WHERE generation = {generation:UInt64}
