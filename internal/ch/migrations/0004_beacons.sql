-- One row per beacon of a player, or of a tool that watches it. Counters are deltas.
CREATE TABLE IF NOT EXISTS beacons
(
    received DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    time DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    source LowCardinality(String),
    tool LowCardinality(String),
    session String CODEC(ZSTD(1)),
    event LowCardinality(String),
    started UInt8 CODEC(ZSTD(1)),
    cdn LowCardinality(String),
    isp LowCardinality(String),
    asn UInt32 CODEC(ZSTD(1)),
    country LowCardinality(String),
    channel LowCardinality(String),
    device LowCardinality(String),
    player LowCardinality(String),
    -- Milliseconds; -1: not a start.
    startup Int32 CODEC(T64, ZSTD(1)),
    playing UInt32 CODEC(T64, ZSTD(1)),
    rebuffering UInt32 CODEC(T64, ZSTD(1)),
    stalls UInt32 CODEC(T64, ZSTD(1)),
    bits_played UInt64 CODEC(T64, ZSTD(1)),
    media_time UInt32 CODEC(T64, ZSTD(1)),
    error_code LowCardinality(String),
    cdn_bytes UInt64 CODEC(T64, ZSTD(1)),
    peer_bytes UInt64 CODEC(T64, ZSTD(1)),
    peer_uploaded UInt64 CODEC(T64, ZSTD(1)),
    peers UInt32 CODEC(T64, ZSTD(1)),
    client IPv6 CODEC(ZSTD(1)),
    user_agent String CODEC(ZSTD(1)),
    weight Float64 CODEC(ZSTD(1)),
    INDEX by_time time TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(received)
ORDER BY (toStartOfMinute(time), cdn, isp)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1
