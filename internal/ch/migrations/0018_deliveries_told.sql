-- How many of the records told each of these: a sender that stops telling one has changed its format.
ALTER TABLE deliveries
    ADD COLUMN IF NOT EXISTS told_bytes UInt64 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS told_first_byte UInt64 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS told_duration UInt64 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS told_cache UInt64 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS told_client UInt64 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS told_session UInt64 CODEC(ZSTD(1))
