package cmcdevent_test

import (
	"fmt"
	"net/url"
	"testing"

	"vigie/ingest/cmcdevent"
	"vigie/ingest/formattest"
)

// eventLine is a report of a player that sends all keys that it knows.
func eventLine(i int) string {
	return fmt.Sprintf(`bl=(%d;v %d;a),br=(%d;v 164;a),bsd=(%d;v),cid="final",e=%s,h="live-%d.example.com",lb=(500;v 32;a),ltc=%d,mtp=(%d),pb=(%d;v 164;a),pr=1,pt=%d,sf=h,sid="%08x-0a4e-4c39-9f0a-2b6c1f7d9e10",sn=%d,st=l,sta=%s,tb=(6000;v 164;a),tpb=(6000;v 164;a),ts=178889%04d%03d,v=2`,
		i%60*100, i%50*100, 800+i%6*600, i%900, []string{"t", "ps", "bc"}[i%3], i%3, 9000+i%5000, 5000+i%300*100, 800+i%6*600, i*1000, i*40503, i%1000, []string{"p", "p", "r", "a"}[i%4], i%10000, i%1000)
}

func encodedLine(i int) string { return url.QueryEscape(eventLine(i)) }

func jsonLine(i int) string {
	return fmt.Sprintf(`{"e":"t","sta":"p","ts":178889%04d%03d,"sid":"%08x-0a4e-4c39-9f0a-2b6c1f7d9e10","sn":%d,"cid":"final","br":[%d],"v":2}`, i%10000, i%1000, i*40503, i, 800+i%6*600)
}

func BenchmarkParse(b *testing.B)        { formattest.Bench(b, cmcdevent.Parse, eventLine) }
func BenchmarkParseEncoded(b *testing.B) { formattest.Bench(b, cmcdevent.Parse, encodedLine) }

func TestAllocatesNothingPerLine(t *testing.T) {
	formattest.Steady(t, cmcdevent.Parse, eventLine)
	formattest.Steady(t, cmcdevent.Parse, encodedLine)
	formattest.Steady(t, cmcdevent.Parse, jsonLine)
}
