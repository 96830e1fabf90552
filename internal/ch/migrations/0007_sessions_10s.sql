-- Distinct sessions by 10 seconds, mergeable over time and dimensions. The weight is part of the
-- key, for a distinct count can only be weighted as a whole. 10 seconds, for such states at 1 s cost
-- more to read than the rows themselves.
CREATE TABLE IF NOT EXISTS sessions_10s
(
    time DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    tool LowCardinality(String),
    cdn LowCardinality(String),
    isp LowCardinality(String),
    channel LowCardinality(String),
    device LowCardinality(String),
    weight Float64,
    received DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    sessions AggregateFunction(uniqCombined64(14), String)
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(received)
ORDER BY (time, tool, cdn, isp, channel, device, weight, received)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1
