-- One row per line of a CDN's log. Partitions follow the day of receipt, not of the event: a
-- sender whose clock is years off then cannot make a partition per line. Sorted by the minute, then
-- by cell of the matrix: see docs/decisions/0006-order-and-codecs.md.
CREATE TABLE IF NOT EXISTS requests
(
    received DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    time DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    source LowCardinality(String),
    cdn LowCardinality(String),
    isp LowCardinality(String),
    asn UInt32 CODEC(ZSTD(1)),
    country LowCardinality(String),
    pop LowCardinality(String),
    channel LowCardinality(String),
    class LowCardinality(String),
    host LowCardinality(String),
    method LowCardinality(String),
    path String CODEC(ZSTD(1)),
    status UInt16 CODEC(ZSTD(1)),
    bytes UInt64 CODEC(T64, ZSTD(1)),
    -- Microseconds; -1: the sender did not say.
    first_byte Int32 CODEC(T64, ZSTD(1)),
    duration Int32 CODEC(T64, ZSTD(1)),
    cache LowCardinality(String),
    aborted UInt8 CODEC(ZSTD(1)),
    blocked UInt8 CODEC(ZSTD(1)),
    client IPv6 CODEC(ZSTD(1)),
    protocol LowCardinality(String),
    tls LowCardinality(String),
    user_agent String CODEC(ZSTD(1)),
    request_id String CODEC(ZSTD(1)),
    session String CODEC(ZSTD(1)),
    object_type LowCardinality(String),
    bitrate UInt32 CODEC(T64, ZSTD(1)),
    throughput UInt32 CODEC(T64, ZSTD(1)),
    buffer_length UInt32 CODEC(T64, ZSTD(1)),
    starved UInt8 CODEC(ZSTD(1)),
    weight Float64 CODEC(ZSTD(1)),
    INDEX by_time time TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(received)
ORDER BY (toStartOfMinute(time), cdn, isp)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1
