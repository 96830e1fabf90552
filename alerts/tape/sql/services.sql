-- What each service did, by 10 seconds, as each of its metrics tells. Saturation is one more than it is; 0:
-- not told.
SELECT
    toInt64(intDiv(toUnixTimestamp(time), {grain:UInt32})) AS slot,
    toString(service) AS by_service,
    toString(metric) AS by_metric,
    toString(resource) AS by_resource,
    sum(requests),
    sum(errors),
    sum(count),
    greatest(max(saturation) + 1, 0),
    sum(duration_0), sum(duration_1), sum(duration_2), sum(duration_3), sum(duration_4), sum(duration_5), sum(duration_6), sum(duration_7), sum(duration_8), sum(duration_9), sum(duration_10), sum(duration_11), sum(duration_12), sum(duration_13), sum(duration_14), sum(duration_15)
FROM services_1s
WHERE time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')}
GROUP BY slot, by_service, by_metric, by_resource
