-- What operators did, archived from the OPS stream.
CREATE TABLE IF NOT EXISTS audit
(
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    sequence UInt64,
    who String,
    what LowCardinality(String),
    on String,
    from String,
    outcome LowCardinality(String)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (at, sequence)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1
