package cmcd_test

import (
	"net/url"
	"testing"

	"vigie/ingest/cmcd"
	"vigie/internal/event"
)

const uuid = "6b1f0c52-0a4e-4c39-9f0a-2b6c1f7d9e10"

func show(c event.CMCD) string {
	v := url.Values{}
	add := func(k, s string) {
		if s != "" {
			v.Set(k, s)
		}
	}
	num := func(k string, n uint32) {
		if n != 0 {
			v.Set(k, itoa(n))
		}
	}
	add("sid", string(c.Session))
	add("cid", string(c.Content))
	add("ot", string(c.ObjectType))
	add("st", string(c.StreamType))
	num("br", c.Bitrate)
	num("mtp", c.Throughput)
	num("bl", c.BufferLength)
	if c.Starved {
		v.Set("bs", "")
	}
	if c.Startup {
		v.Set("su", "")
	}
	return v.Encode()
}

func itoa(n uint32) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

func TestScan(t *testing.T) {
	f := func(name, in, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			var c event.CMCD
			cmcd.Scan([]byte(in), &c)
			if got := show(c); got != want {
				t.Errorf("Scan(%s)\n got %s\nwant %s", in, got, want)
			}
		})
	}
	f("version 1", `bl=5000,br=3200,bs,cid="final",d=4000,mtp=25400,ot=v,sid="`+uuid+`",st=l,su`,
		"bl=5000&br=3200&bs=&cid=final&mtp=25400&ot=v&sid="+uuid+"&st=l&su=")
	f("version 2 lists", `bl=(2100;v 1800;a),br=(3000;v 164;a),ec=("a" "b"),mtp=(15000),v=2`, "bl=2100&br=3000&mtp=15000")
	f("explicit booleans", `bs=?0,su=?1`, "su=")
	f("spaces around members", `bl=1 , br=2,	mtp=3`, "bl=1&br=2&mtp=3")
	f("parameters of an item", `bl=1000;x="a,b";y,br=2`, "bl=1000&br=2")
	f("unquoted identifier", `sid=`+uuid+`,br=1`, "br=1&sid="+uuid)
	f("escapes in a string", `cid="a\"b\\c",br=1`, `br=1&cid=a%22b%5Cc`)
	f("comma in a string", `nor="a,br=9",br=1`, "br=1")
	f("custom keys", `com.example-br=9,br=1`, "br=1")
	f("trailing comma", `br=1,`, "br=1")
	f("empty members", `,,br=1,,bl=2`, "bl=2&br=1")
	f("bad number", `br=x,bl=-5,mtp=7`, "mtp=7")
	f("number that does not fit", `br=4294967296,bl=4294967295`, "bl=4294967295")
	f("decimal number", `br=3200.7`, "br=3200")
	f("unknown tokens", `ot=xx,st=q,br=1`, "br=1")
	f("last of a repeated key", `br=1,br=2`, "br=2")
	f("key in capitals is another key", `BR=1`, "")
	f("not UTF-8", "cid=\"\xff\xfe\",br=1", "br=1&cid=%FF%FE")
	f("string that is not closed", `br=1,sid="abc`, "br=1")
	f("list that is not closed", `br=(5,bl=7`, "bl=7&br=5")
	f("session longer than 64", `sid="`+uuid+uuid+`",br=1`, "br=1")
	f("version above 2", `br=1,v=3`, "")
	f("version 1 named", `br=1,v=1`, "br=1")
	f("Akamai's wrapper", `//1.0@V/br=1`, "br=1")
	f("nothing", ``, "")
	f("only a wrapper", `//1.0@V/`, "")
}

func TestFromQuery(t *testing.T) {
	f := func(name, in, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			var c event.CMCD
			cmcd.FromQuery([]byte(in), &c)
			if got := show(c); got != want {
				t.Errorf("FromQuery(%s)\n got %s\nwant %s", in, got, want)
			}
		})
	}
	raw := `bl=(2100;v 1800;a),br=(3000;v),bs,cid="a b",nor=("n.mp4"),ot=v,sid="` + uuid + `",v=2`
	want := "bl=2100&br=3000&bs=&cid=a+b&ot=v&sid=" + uuid
	f("whole and encoded", "CMCD="+url.QueryEscape(raw), want)
	f("space as %20", "CMCD="+url.PathEscape(raw), want)
	f("among others", "token=x&CMCD=br%3D1&z=2", "br=1")
	f("lower case", "cmcd=br%3D1", "br=1")
	f("with question mark", "?CMCD=br%3D1", "br=1")
	f("Akamai's wrapper, half encoded", "cmcd=//1.0@V/bl=21600,br=1426,cid=%22x%22,su,st=v%22", "bl=21600&br=1426&cid=x&su=")
	f("not there", "a=b&cmc=d&CMCDx=br%3D1", "")
	f("empty", "CMCD=", "")
	f("cut escape", "CMCD=br%3D1%2Ccid%3D%22a%2", "br=1")
	f("escapes in a string", `CMCD=cid%3D%22a%5C%22b%22%2Cbr%3D1`, "br=1&cid=a%22b")
}

func TestSetTakesOneKey(t *testing.T) {
	var c event.CMCD
	for k, v := range map[string]string{"sid": uuid, "br": "3200", "bs": "true", "su": "-", "ot": "v", "cid": "-", "st": ""} {
		cmcd.Set(k, []byte(v), &c)
	}
	if got, want := show(c), "br=3200&bs=&ot=v&sid="+uuid; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestHeadersAddUp(t *testing.T) {
	var c event.CMCD
	for _, h := range []string{`bl=2000,mtp=15000`, `br=3000,ot=v`, `bs`, `sid="x",st=v`} {
		cmcd.Scan([]byte(h), &c)
	}
	if got, want := show(c), "bl=2000&br=3000&bs=&mtp=15000&ot=v&sid=x&st=v"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte(`bl=(2100;v 1800;a),br=3000,bs,cid="a\"b",sid="` + uuid + `",v=2`))
	f.Add([]byte(`CMCD=bl%3D%282000%29%2Cbr%3D%283000%3Bv%29%2Ccid%3D%22a%22`))
	f.Add([]byte(`//1.0@V/bl=21600,cid=%22x%22`))
	f.Add([]byte("br=(,\"\\"))
	f.Fuzz(func(t *testing.T, b []byte) {
		kept := string(b)
		var plain, encoded, query event.CMCD
		cmcd.Scan(b, &plain)
		cmcd.ScanEncoded(b, &encoded)
		cmcd.FromQuery(b, &query)
		for _, c := range []event.CMCD{plain, encoded, query} {
			if len(c.Session) > cmcd.MaxSession || len(c.Content) > cmcd.MaxContent {
				t.Fatalf("text longer than its bound: %s", show(c))
			}
		}
		if string(b) != kept {
			t.Fatal("input was changed")
		}
		// A text that is encoded whole reads as the text itself.
		var again event.CMCD
		cmcd.FromQuery([]byte("CMCD="+url.QueryEscape(kept)), &again)
		if show(again) != show(plain) {
			t.Fatalf("plain %s, encoded %s", show(plain), show(again))
		}
		// A member in front does not disturb what follows.
		var after event.CMCD
		cmcd.Scan([]byte("zz=1,"+kept), &after)
		if len(b) < 2 || kept[:2] != "//" {
			if show(after) != show(plain) {
				t.Fatalf("alone %s, behind a neighbour %s", show(plain), show(after))
			}
		}
	})
}

func BenchmarkFromQuery(b *testing.B) {
	q := []byte("hdnts=exp=1~hmac=ab&CMCD=" + url.QueryEscape(`bl=5000,br=3200,bs,cid="final",d=4000,mtp=25400,nor="../a/seg_2.m4s",ot=v,sid="`+uuid+`",st=l`))
	b.SetBytes(int64(len(q)))
	b.ReportAllocs()
	for b.Loop() {
		var c event.CMCD
		cmcd.FromQuery(q, &c)
		if c.Bitrate != 3200 {
			b.Fatal(show(c))
		}
	}
}
