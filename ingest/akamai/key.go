package akamai

// key is what a data set field means to Vigie.
type key uint8

const (
	ignored key = iota
	reqTime
	reqID
	reqHost
	reqPath
	queryStr
	reqMethod
	proto
	statusCode
	bodyBytes
	totalBytes
	timeToFirstByte
	turnAround
	transfer
	cacheStatus
	cacheable
	lastByte
	isMidgress
	cliIP
	asn
	country
	serverCountry
	tlsVersion
	userAgent
	referer
	media
	breadcrumbs
	securityRules
	errorCode
	accessValidation
)

// named is the key that Akamai names so, in JSON and in the lists of a stream's fields.
func named(name []byte) key {
	switch string(name) {
	case "reqTimeSec":
		return reqTime
	case "reqId":
		return reqID
	case "reqHost":
		return reqHost
	case "reqPath":
		return reqPath
	case "queryStr":
		return queryStr
	case "reqMethod":
		return reqMethod
	case "proto":
		return proto
	case "statusCode":
		return statusCode
	case "bytes":
		return bodyBytes
	case "totalBytes":
		return totalBytes
	case "timeToFirstByte":
		return timeToFirstByte
	case "turnAroundTimeMSec":
		return turnAround
	case "transferTimeMSec":
		return transfer
	case "cacheStatus":
		return cacheStatus
	case "cacheable":
		return cacheable
	case "lastByte":
		return lastByte
	case "isMidgress":
		return isMidgress
	case "cliIP":
		return cliIP
	case "asn":
		return asn
	case "country":
		return country
	case "serverCountry":
		return serverCountry
	case "tlsVersion":
		return tlsVersion
	case "UA":
		return userAgent
	case "referer":
		return referer
	case "cmcd":
		return media
	case "breadcrumbs":
		return breadcrumbs
	case "securityRules":
		return securityRules
	case "errorCode":
		return errorCode
	case "access_validation":
		return accessValidation
	}
	return ignored
}
