package formattest

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Line appends a line of a format as a night has them, with its line feed, to b: the n-th, of a
// moment. Benchmarks of the whole way share them.
type Line func(b []byte, rng *rand.Rand, at time.Time, n int) []byte

var asns = []int{3215, 12322, 15557, 5410, 51207, 21351, 14593, 16276}

// Akamai is about 1.2 KB, 49 keys, as DataStream 2 writes them.
func Akamai(b []byte, rng *rand.Rand, at time.Time, n int) []byte {
	status := 200
	if rng.IntN(500) == 0 {
		status = 503
	}
	ip := fmt.Sprintf("198.18.%d.%d", rng.IntN(256), rng.IntN(256))
	return fmt.Appendf(b, `{"version":1,"streamId":"10923","cp":"942831","reqId":"%016x","reqTimeSec":"%d.%03d","bytes":"%d","cliIP":"%s","statusCode":"%d","proto":"HTTP/2","reqHost":"live-akamai.tele.example","reqMethod":"GET","reqPath":"/live/%s/video/%d/segment_%d.m4s","reqPort":"443","rspContentLen":"%d","rspContentType":"video/mp4","UA":"Mozilla%%2F5.0%%20(Linux;%%20Android%%2012;%%20BRAVIA%%204K)%%20AppleWebKit%%2F537.36%%20Chrome%%2F120.0%%20Safari%%2F537.36","queryStr":"CMCD=bl%%3D%d%%2Cbr%%3D%d%%2Cd%%3D2000%%2Cmtp%%3D%d%%2Cot%%3Dv%%2Csf%%3Dh%%2Csid%%3D%%22%08x-b1c2-4d3e-8f90-a1b2c3d4e5f6%%22%%2Cst%%3Dl","tlsOverheadTimeMSec":"0","tlsVersion":"TLSv1.3","objSize":"%d","uncompressedSize":"%d","overheadBytes":"412","totalBytes":"%d","accLang":"fr-FR","cookie":"-","range":"-","referer":"https%%3A%%2F%%2Fwww.tele.example%%2Fdirect","xForwardedFor":"-","maxAgeSec":"31536000","reqEndTimeMSec":"1","dnsLookupTimeMSec":"0","errorCode":"-","turnAroundTimeMSec":"%d","transferTimeMSec":"%d","timeToFirstByte":"%d","downloadTime":"%d","throughput":"%d","cacheStatus":"%d","cacheable":"1","lastByte":"1","country":"FR","state":"-","city":"PARIS","asn":"%d","edgeIP":"23.32.5.%d","serverCountry":"FR","billingRegion":"2","deliveryType":"LIVE","deliveryFormat":"CMAF","securityRules":"-"}`+"\n",
		rng.Uint64(), at.Unix(), at.UnixMilli()%1000, 400000+rng.IntN(900000), ip, status, []string{"tf1", "tmc"}[n%2], []int{360, 720, 1080}[n%3], 100000+n/2000, 500000, rng.IntN(20000), 500+rng.IntN(4000), 5000+rng.IntN(60000), rng.Uint32N(20000), 500000, 500000, 0, rng.IntN(60), rng.IntN(400), rng.IntN(80), rng.IntN(500), 20000+rng.IntN(60000), min(rng.IntN(40), 1), asns[rng.IntN(len(asns))], rng.IntN(256))
}

// Nginx is the JSON of the guide's log_format.
func Nginx(b []byte, rng *rand.Rand, at time.Time, n int) []byte {
	return fmt.Appendf(b, `{"ts":"%d.%03d","host":"live-maison.tele.example","m":"GET","uri":"/live/%s/video/%d/segment_%d.m4s","st":"200","bs":"%d","rt":"0.%03d","urt":"","uht":"","cs":"HIT","ip":"198.18.%d.%d","xff":"","ref":"","ua":"Mozilla/5.0 (Linux; Android 12; BRAVIA 4K) Chrome/120.0","proto":"HTTP/2.0","tls":"TLSv1.3","cmcd_s":"sid=\"%08x-b1c2-4d3e-8f90-a1b2c3d4e5f6\""}`+"\n",
		at.Unix(), at.UnixMilli()%1000, []string{"tf1", "tmc"}[n%2], []int{360, 720, 1080}[n%3], 100000+n/2000, 400000+rng.IntN(900000), rng.IntN(400), rng.IntN(256), rng.IntN(256), rng.Uint32N(20000))
}

// Combined is the combined log format of Apache and nginx.
func Combined(b []byte, rng *rand.Rand, at time.Time, n int) []byte {
	return fmt.Appendf(b, `198.18.%d.%d - - [%s] "GET /live/%s/video/%d/segment_%d.m4s HTTP/1.1" 200 %d "https://www.tele.example/direct" "Mozilla/5.0 (Linux; Android 12; BRAVIA 4K) AppleWebKit/537.36 Chrome/120.0 Safari/537.36"`+"\n",
		rng.IntN(256), rng.IntN(256), at.Format("02/Jan/2006:15:04:05 -0700"), []string{"tf1", "tmc"}[n%2], []int{360, 720, 1080}[n%3], 100000+n/2000, 400000+rng.IntN(900000))
}

// CloudFront is a real-time log of all 63 fields.
func CloudFront(b []byte, rng *rand.Rand, at time.Time, n int) []byte {
	status, took := 200, rng.IntN(400)
	if rng.IntN(500) == 0 {
		status = 503
	}
	return fmt.Appendf(b, "%d.%03d\t198.18.%d.%d\t0.%03d\t%d\t%d\tGET\thttps\td111111abcdef8.cloudfront.net\t/live/%s/video/%d/segment_%d.m4s\t412\tCDG52-P2\t%016x==\tlive-cf.tele.example\t0.%03d\tHTTP/2.0\tIPv4\tMozilla/5.0%%20(Linux;%%20Android%%2012;%%20BRAVIA%%204K)%%20AppleWebKit/537.36%%20Chrome/120.0%%20Safari/537.36\thttps://www.tele.example/direct\t-\t-\tHit\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tHit\t-\t-\tvideo/mp4\t%d\t-\t-\t%d\tHit\tFR\tgzip\t*/*\t*.m4s\t-\t-\t-\t-\td111111abcdef8.cloudfront.net\t-\t-\t%d\t%d\t%d\t-\tfinal\t2000\t-\t%d\t-\t-\tv\t-\t-\th\t%08x-b1c2-4d3e-8f90-a1b2c3d4e5f6\tl\t-\t-\t1\n",
		at.Unix(), at.UnixMilli()%1000, rng.IntN(256), rng.IntN(256), rng.IntN(80), status, 400000+rng.IntN(900000), []string{"tf1", "tmc"}[n%2], []int{360, 720, 1080}[n%3], 100000+n/2000, rng.Uint64(), took, 400000, 1024+rng.IntN(60000), asns[rng.IntN(len(asns))], 500+rng.IntN(4000), rng.IntN(20000), 5000+rng.IntN(60000), rng.Uint32N(20000))
}

// Beacon is a heartbeat of Vigie's own schema.
func Beacon(b []byte, rng *rand.Rand, at time.Time, n int) []byte {
	return fmt.Appendf(b, `{"v":1,"session":"%08x-0a4e-4c39-9f0a-2b6c1f7d9e10","t":%d,"event":"heartbeat","started":true,"channel":"%s","cdn":"akamai","device":"%s","player":"hls.js 1.7","watchedTime":10000,"playbackStallCount":%d,"playbackStallDuration":%d,"bitsPlayed":%d,"mediaTime":10000,"cdnBytes":%d,"p2pDownBytes":%d,"p2pUpBytes":%d,"peers":%d,"client":"198.18.%d.%d"}`+"\n",
		rng.Uint32N(100_000), at.UnixMilli(), []string{"tf1", "tmc"}[n%2], []string{"tv", "phone", "desktop"}[n%3], rng.IntN(20)/19, rng.IntN(20)/19*800, 20_000_000+rng.IntN(40_000_000), 3_000_000+rng.IntN(3_000_000), rng.IntN(900_000), rng.IntN(300_000), rng.IntN(12), rng.IntN(256), rng.IntN(256))
}
