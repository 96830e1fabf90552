-- What each service did, by second, as each of its metrics tells: what a counter grew by is spread
-- over the time between two samples. Several metrics may tell of the same requests, so they are
-- never added up.
--
-- Edges of duration in milliseconds: 5 10 25 50 75 100 150 200 300 500 750 1000 2000 5000 10000
CREATE TABLE IF NOT EXISTS services_1s
(
    time DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    source LowCardinality(String),
    service LowCardinality(String),
    metric LowCardinality(String),
    -- Of a saturation: cpu, memory …
    resource LowCardinality(String),
    received DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    requests SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    errors SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    count SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    sum SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    -- 1 is full; -1: not told.
    saturation SimpleAggregateFunction(max, Float64) CODEC(ZSTD(1)),
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
ORDER BY (time, service, metric, resource, source, received)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1
