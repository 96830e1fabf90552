-- People who can be told, as imports gave them. An import writes under a number of its own (generation), which counts
-- from the moment at which it is named among those that are in use: that is kept on the bus. Of a contact that several
-- name, the one of the latest import holds. Rows go with their generation, never one by one, and never by age alone.
--
-- Of imports that tell which viewer is which contact, id is the viewer's and contact the contact's.
CREATE TABLE IF NOT EXISTS contacts
(
    generation UInt64,
    -- The import that told it, and where.
    version UInt64 CODEC(ZSTD(1)),
    line UInt64 CODEC(Delta, ZSTD(1)),
    id String CODEC(ZSTD(1)),
    contact String CODEC(ZSTD(1)),
    email String CODEC(ZSTD(1)),
    phone String CODEC(ZSTD(1)),
    lang LowCardinality(String),
    email_agree UInt8 CODEC(ZSTD(1)),
    sms_agree UInt8 CODEC(ZSTD(1)),
    -- A JSON object of texts, its names in order.
    attributes String CODEC(ZSTD(1)),
    updated DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    until DateTime('UTC') CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY generation
ORDER BY (id, version, line)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
