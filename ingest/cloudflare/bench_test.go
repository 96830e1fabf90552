package cloudflare_test

import (
	"fmt"
	"testing"

	"vigie/ingest/cloudflare"
	"vigie/ingest/formattest"
)

// logLine is a line of a job with the fields that Vigie reads and a dozen others.
func logLine(i int) string {
	security := `"SecurityAction":"","SecurityActions":[],"SecurityRuleIDs":[]`
	if i%50 == 0 {
		security = `"SecurityAction":"block","SecurityActions":["log","block"],"SecurityRuleIDs":["a","b"]`
	}
	headers := ""
	if i%4 == 0 {
		headers = fmt.Sprintf(`,"RequestHeaders":{"accept":"*/*","cmcd-request":"bl=%d,mtp=%d","cmcd-session":"sid=\"%08x-0a4e\",st=l"}`, i%60*100, 5000+i%300*100, i)
	}
	return fmt.Sprintf(`{"CacheCacheStatus":"%s","CacheResponseBytes":%d,"CacheResponseStatus":200,"ClientASN":%d,"ClientCountry":"fr","ClientDeviceType":"mobile","ClientIP":"%d.%d.%d.%d","ClientRequestBytes":3114,"ClientRequestHost":"live-%d.example.com","ClientRequestMethod":"GET","ClientRequestPath":"/final/v%d/seg_%d.m4s","ClientRequestProtocol":"HTTP/2","ClientRequestReferer":"https://www.example.com/","ClientRequestScheme":"https","ClientRequestSource":"eyeball","ClientRequestURI":"/final/v%d/seg_%d.m4s?CMCD=br%%3D%d","ClientRequestUserAgent":"Mozilla/5.0 (Linux; Android 14; SM-S9%d) AppleWebKit/537.36","ClientSSLCipher":"AEAD-AES128-GCM-SHA256","ClientSSLProtocol":"TLSv1.3","ClientSrcPort":%d,"EdgeColoCode":"CDG","EdgeColoID":25,"EdgeStartTimestamp":178889%04d%03d000200,"EdgeEndTimestamp":178889%04d%03d012345,"EdgeResponseBodyBytes":%d,"EdgeResponseBytes":%d,"EdgeResponseContentType":"video/mp4","EdgeResponseStatus":200,"EdgeServerIP":"","EdgeTimeToFirstByteMs":%d,"OriginResponseStatus":0,"ParentRayID":"00","RayID":"%016x",%s,"WorkerSubrequest":false,"ZoneName":"example.com"%s}`,
		[]string{"hit", "hit", "miss", "dynamic", "revalidated"}[i%5], 400000+i*37%900000, []int{3215, 12322, 15557, 5410}[i%4], 80+i%100, i*7%256, i*13%256, i%254+1,
		i%3, i%6, i, i%6, i, 800+i%6*600, i%90, 1024+i, i%10000, i%900, i%10000, i%900+7, 400000+i*37%900000, 400400+i*37%900000, i%40, i*40503, security, headers)
}

func BenchmarkParse(b *testing.B) { formattest.Bench(b, cloudflare.Parse, logLine) }

func TestAllocatesNothingPerLine(t *testing.T) { formattest.Steady(t, cloudflare.Parse, logLine) }
