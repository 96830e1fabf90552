-- Removes a generation, at once and whole.
ALTER TABLE contacts DROP PARTITION ID {generation:String}
