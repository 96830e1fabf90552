-- The same of single lines by place of the CDN, which the sums do not have: of two short stretches.
SELECT 'pop' AS dim, toString(pop) AS name, toUInt8(time >= {from:DateTime('UTC')}) AS late,
    toFloat64(count()), sum(weight), sum(requests.bytes * weight), sumIf(weight, status >= 500 OR status = 0 OR aborted),
    sumIf(weight, status >= 400 AND status < 500 AND NOT blocked),
    sumIf(weight, blocked),
    sumIf(weight, class = 'segment' AND cache NOT IN ('', 'unknown')),
    sumIf(weight, class = 'segment' AND cache IN ('miss', 'pass')),
    toFloat64(countIf(class = 'segment' AND cache NOT IN ('', 'unknown'))),
    sumIf(weight, first_byte >= 0 AND first_byte < 5000), sumIf(weight, first_byte >= 5000 AND first_byte < 10000), sumIf(weight, first_byte >= 10000 AND first_byte < 20000), sumIf(weight, first_byte >= 20000 AND first_byte < 35000), sumIf(weight, first_byte >= 35000 AND first_byte < 50000), sumIf(weight, first_byte >= 50000 AND first_byte < 75000), sumIf(weight, first_byte >= 75000 AND first_byte < 100000), sumIf(weight, first_byte >= 100000 AND first_byte < 150000), sumIf(weight, first_byte >= 150000 AND first_byte < 200000), sumIf(weight, first_byte >= 200000 AND first_byte < 300000), sumIf(weight, first_byte >= 300000 AND first_byte < 500000), sumIf(weight, first_byte >= 500000 AND first_byte < 750000), sumIf(weight, first_byte >= 750000 AND first_byte < 1000000), sumIf(weight, first_byte >= 1000000 AND first_byte < 2000000), sumIf(weight, first_byte >= 2000000 AND first_byte < 5000000), sumIf(weight, first_byte >= 5000000)
FROM requests
WHERE (time >= {before:DateTime('UTC')} AND time < {until:DateTime('UTC')} OR time >= {from:DateTime('UTC')} AND time < {to:DateTime('UTC')})
    AND ({cdn:String} = '' OR cdn = {cdn:String})
    AND ({isp:String} = '' OR isp = {isp:String})
    AND ({channel:String} = '' OR channel = {channel:String})
    AND ({class:String} = '' OR class = {class:String})
GROUP BY name, late
ORDER BY name, late
LIMIT 10000
