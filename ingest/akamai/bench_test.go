package akamai_test

import (
	"fmt"
	"testing"

	"vigie/ingest/akamai"
	"vigie/ingest/formattest"
)

// logLine is a line of 45 members and 1.2 KB, as a stream with all data sets sends it.
func logLine(i int) string {
	addr := fmt.Sprintf("2a01:cb0%x:%x:%x00::%x", i%8, i*7919%65536, i%200+16, i*31%65536+1)
	if i%3 == 0 {
		addr = fmt.Sprintf("%d.%d.%d.%d", 80+i%100, i*7%256, i*13%256, i%254+1)
	}
	media := fmt.Sprintf(`CMCD=bl%%3D%d%%2Cbr%%3D%d%%2Ccid%%3D%%22final%%22%%2Cd%%3D4000%%2Cmtp%%3D%d%%2Cot%%3Dv%%2Csid%%3D%%22%08x-0a4e-4c39-9f0a-2b6c1f7d9e10%%22%%2Cst%%3Dl`,
		i%60*100, 800+i%6*600, 5000+i%300*100, i*2654435761%4294967296)
	if i%4 == 0 {
		media = "hdnts=exp=1788899999~acl=/*~hmac=0123456789abcdef"
	}
	return fmt.Sprintf(`{"version":1,"streamId":"48211","cp":"1204718","reqId":"%x","reqTimeSec":"178889%04d.%03d","bytes":"%d","cliIP":"%s","statusCode":"%d","proto":"HTTP/2","reqHost":"live-%d.example.com","reqMethod":"GET","reqPath":"/final/v%d/seg_%d.m4s","reqPort":"443","rspContentLen":"%d","rspContentType":"video/mp4","UA":"Mozilla/5.0%%20(Linux;%%20Android%%2014;%%20SM-S9%d)%%20AppleWebKit/537.36%%20(KHTML,%%20like%%20Gecko)%%20Chrome/126.0.0.0","tlsOverheadTimeMSec":"0","tlsVersion":"TLSv1.3","objSize":"%d","uncompressedSize":"-","overheadBytes":"232","totalBytes":"%d","queryStr":"%s","breadcrumbs":"//BC/%%5Ba=23.40.241.%d,c=g,k=0,l=1%%5D","accLang":"fr-FR","cookie":"-","range":"-","referer":"https://www.example.com/","xForwardedFor":"-","maxAgeSec":"3600","reqEndTimeMSec":"1","errorCode":"-","turnAroundTimeMSec":"%d","transferTimeMSec":"%d","dnsLookupTimeMSec":"-","lastByte":"1","edgeIP":"23.40.241.%d","country":"FR","state":"-","city":"PARIS","serverCountry":"FR","billingRegion":"8","cacheStatus":"%d","securityRules":"ULnR_28976|3900000:3900001|","asn":"%d","customField":"any"}`,
		i*40503, i%10000, i%1000, 400000+i*37%900000, addr, 200+i%50/49*304, i%3, i%6, i, 400000+i*37%900000, i%90,
		400000+i*37%900000, 400400+i*37%900000, media, i%250, i%40, i%300, i%250, min(i%20, 1), []int{3215, 12322, 15557, 5410}[i%4])
}

func BenchmarkParse(b *testing.B) { formattest.Bench(b, akamai.Parse, logLine) }

func TestAllocatesNothingPerLine(t *testing.T) { formattest.Steady(t, akamai.Parse, logLine) }
