-- What viewers experienced, by second, as each tool saw it. Terms of CTA-2066; a failed start
-- (VSF), an exit before video start (EBVS) and a failed play (VPF) are kept apart.
--
-- Edges of startup in milliseconds: 250 500 750 1000 1500 2000 2500 3000 4000 5000 7500 10000 15000 30000 60000
CREATE TABLE IF NOT EXISTS qoe_1s
(
    time DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    source LowCardinality(String),
    tool LowCardinality(String),
    cdn LowCardinality(String),
    isp LowCardinality(String),
    channel LowCardinality(String),
    device LowCardinality(String),
    received DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    lines SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    attempts SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    starts SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    startup_sum SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    playing SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    rebuffering SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    stalls SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    failed_starts SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    failed_plays SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    early_exits SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    ended SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    bits_played SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    media_time SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    cdn_bytes SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    peer_bytes SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    peer_uploaded SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    startup_0 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    startup_1 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    startup_2 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    startup_3 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    startup_4 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    startup_5 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    startup_6 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    startup_7 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    startup_8 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    startup_9 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    startup_10 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    startup_11 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    startup_12 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    startup_13 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    startup_14 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    startup_15 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(received)
ORDER BY (time, tool, cdn, isp, source, channel, device, received)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1
