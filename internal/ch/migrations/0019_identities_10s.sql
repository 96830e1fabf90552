-- Who asks: requests by ten seconds and by network (kind asn, its number as text, 0 when not known) and
-- by family of user agent (kind agent). Each request is in both. Sums alone, weighted; what was more
-- than a block may name is under the name rest.
CREATE TABLE IF NOT EXISTS identities_10s
(
    time DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    cdn LowCardinality(String),
    kind LowCardinality(String),
    name LowCardinality(String),
    source LowCardinality(String),
    received DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    lines SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    requests SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    errors SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    blocked SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    bytes SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(received)
ORDER BY (time, cdn, kind, name, source, received)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1
