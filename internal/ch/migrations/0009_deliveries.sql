-- What each source delivered, one row per source and range that a writer stored: how much, how
-- late, what was refused. Watermarks come from here.
--
-- Lateness is received less time, in seconds, of what was not sent as old data; edges: 1 2 3 5 7 10 15 20 30 45 60 90 120 300 900
CREATE TABLE IF NOT EXISTS deliveries
(
    stored DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    partition UInt16,
    first UInt64 CODEC(Delta, ZSTD(1)),
    last UInt64 CODEC(Delta, ZSTD(1)),
    source LowCardinality(String),
    -- When the last of it was received.
    received DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    messages UInt64 CODEC(ZSTD(1)),
    bytes UInt64 CODEC(ZSTD(1)),
    lines UInt64 CODEC(ZSTD(1)),
    refused UInt64 CODEC(ZSTD(1)),
    late_0 UInt64 CODEC(ZSTD(1)),
    late_1 UInt64 CODEC(ZSTD(1)),
    late_2 UInt64 CODEC(ZSTD(1)),
    late_3 UInt64 CODEC(ZSTD(1)),
    late_4 UInt64 CODEC(ZSTD(1)),
    late_5 UInt64 CODEC(ZSTD(1)),
    late_6 UInt64 CODEC(ZSTD(1)),
    late_7 UInt64 CODEC(ZSTD(1)),
    late_8 UInt64 CODEC(ZSTD(1)),
    late_9 UInt64 CODEC(ZSTD(1)),
    late_10 UInt64 CODEC(ZSTD(1)),
    late_11 UInt64 CODEC(ZSTD(1)),
    late_12 UInt64 CODEC(ZSTD(1)),
    late_13 UInt64 CODEC(ZSTD(1)),
    late_14 UInt64 CODEC(ZSTD(1)),
    late_15 UInt64 CODEC(ZSTD(1)),
    oldest DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    newest DateTime64(3, 'UTC') CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(stored)
ORDER BY (stored, source)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1
