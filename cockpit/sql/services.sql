-- What each service did in a minute, as each of its metrics tells.
SELECT
    service,
    metric,
    resource,
    sum(requests) AS requests,
    sum(errors) AS errors,
    sum(count) AS count,
    sum(sum) AS sum,
    max(saturation) AS saturation,
    [sum(duration_0), sum(duration_1), sum(duration_2), sum(duration_3), sum(duration_4), sum(duration_5), sum(duration_6), sum(duration_7), sum(duration_8), sum(duration_9), sum(duration_10), sum(duration_11), sum(duration_12), sum(duration_13), sum(duration_14), sum(duration_15)] AS duration
FROM services_1s
WHERE time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')}
GROUP BY service, metric, resource
