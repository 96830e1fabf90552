-- What is asked for most, and what fails most.
WITH asked AS
(
    SELECT
        cutQueryStringAndFragment(requests.path) AS path,
        count() AS lines,
        sum(weight) AS requests,
        sumIf(weight, requests.status >= 500 OR aborted) AS errors,
        topKIf(1)(requests.status, requests.status >= 400)[1] AS status,
        if(countIf(requests.first_byte >= 0) = 0, -1, quantileTDigestIf(0.95)(requests.first_byte, requests.first_byte >= 0) / 1e6) AS first_byte
    FROM requests
    WHERE time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')}
    AND ({cdn:String} = '' OR cdn = {cdn:String})
    AND ({isp:String} = '' OR isp = {isp:String})
    AND ({channel:String} = '' OR channel = {channel:String})
    GROUP BY path
)
SELECT path, lines, requests, errors, status, first_byte
FROM
(
    SELECT *, row_number() OVER (ORDER BY requests DESC, path) AS by_requests, row_number() OVER (ORDER BY errors DESC, path) AS by_errors
    FROM asked
)
WHERE by_requests <= 25 OR by_errors <= 25 AND errors > 0
ORDER BY requests DESC, path
LIMIT 50
