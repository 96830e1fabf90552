-- Requests by second and by every dimension that the board groups by. Sums alone, weighted; ratios
-- are made when shown. The key ends with when the rows were received, so that what was known at
-- any moment can be told later.
--
-- Histogram edges in milliseconds, each bucket from the one before it (cockpit/histogram.go):
-- first_byte 5 10 20 35 50 75 100 150 200 300 500 750 1000 2000 5000
-- duration 50 100 200 300 500 750 1000 1500 2000 3000 4000 6000 10000 20000 60000
CREATE TABLE IF NOT EXISTS requests_1s
(
    time DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    source LowCardinality(String),
    cdn LowCardinality(String),
    isp LowCardinality(String),
    channel LowCardinality(String),
    class LowCardinality(String),
    -- Hundreds of the status: 2 is 200 to 299; 0 when the client left before any answer.
    status_class UInt8,
    cache LowCardinality(String),
    blocked UInt8,
    received DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    lines SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    requests SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    bytes SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    errors SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    first_byte_0 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    first_byte_1 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    first_byte_2 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    first_byte_3 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    first_byte_4 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    first_byte_5 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    first_byte_6 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    first_byte_7 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    first_byte_8 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    first_byte_9 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    first_byte_10 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    first_byte_11 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    first_byte_12 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    first_byte_13 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    first_byte_14 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    first_byte_15 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    duration_0 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    duration_1 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    duration_2 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    duration_3 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    duration_4 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    duration_5 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    duration_6 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    duration_7 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    duration_8 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    duration_9 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    duration_10 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    duration_11 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    duration_12 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    duration_13 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    duration_14 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    duration_15 SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(received)
ORDER BY (time, cdn, isp, source, channel, class, status_class, cache, blocked, received)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1
