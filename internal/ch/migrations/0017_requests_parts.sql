-- New parts stay in one file each until they have been merged a few times: an insert of 32 columns
-- costs half as much. Merging ten parts at once where five are usual rewrites each row less often.
-- Measured in docs/decisions/0007-the-writer-adds-up.md.
ALTER TABLE requests MODIFY SETTING min_bytes_for_wide_part = 40000000, merge_selector_base = 10
