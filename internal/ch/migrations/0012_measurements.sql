-- One row per value that a service reported and a rule chose, as it came: counters count since their
-- series began. What happened in each second is in services_1s.
CREATE TABLE IF NOT EXISTS measurements
(
    received DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    time DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    source LowCardinality(String),
    service LowCardinality(String),
    -- requests, errors, duration, saturation
    signal LowCardinality(String),
    -- Of a classic histogram bucket, sum or count; of a saturation share, used or limit.
    part LowCardinality(String),
    name LowCardinality(String),
    -- As Prometheus writes them: {code="200",job="login"}; up to 32.
    labels String CODEC(ZSTD(1)),
    series UInt64 CODEC(ZSTD(1)),
    -- gauge, counter, delta, histogram, histogram delta
    kind LowCardinality(String),
    value Float64 CODEC(ZSTD(1)),
    -- Of a histogram; durations in milliseconds.
    count Float64 CODEC(ZSTD(1)),
    sum Float64 CODEC(ZSTD(1)),
    -- 1: the series ends here.
    stale UInt8 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(received)
ORDER BY (service, signal, time)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1
