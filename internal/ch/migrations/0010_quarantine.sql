-- What could not be read, with its reason and where it stands in the raw stream. Beyond a bound per
-- range the records of one source and reason share a row: count tells how many, sample is the first.
CREATE TABLE IF NOT EXISTS quarantine
(
    received DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    source LowCardinality(String),
    reason LowCardinality(String),
    partition UInt16,
    sequence UInt64 CODEC(Delta, ZSTD(1)),
    -- Of the record's first byte in the body, as sent or unpacked.
    offset UInt64 CODEC(ZSTD(1)),
    count UInt64 CODEC(ZSTD(1)),
    sample String CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(received)
ORDER BY (source, received)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1
