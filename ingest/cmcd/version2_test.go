package cmcd_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"vigie/ingest/cmcd"
	"vigie/internal/event"
)

// TestVersion2 reads the shapes of CTA-5004-B from each of the places that they come from.
func TestVersion2(t *testing.T) {
	f := func(name, in, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			var header, query, query2 event.CMCD
			cmcd.Scan([]byte(in), &header)
			cmcd.FromQuery([]byte("a=b&CMCD="+url.QueryEscape(in)), &query)
			cmcd.FromQuery([]byte("CMCD="+url.PathEscape(in)), &query2)
			for where, c := range map[string]event.CMCD{"header": header, "query": query, "query with %20": query2} {
				if got := show(c); got != want {
					t.Errorf("%s: %s\n got %s\nwant %s", where, in, got, want)
				}
			}
		})
	}
	f("lists of one item", `bl=(2000),br=(3000;v),mtp=(15000),tb=(6000;v),v=2`, "bl=2000&br=3000&mtp=15000")
	f("lists without a type", `bl=(0),br=(320),ot=a,v=2`, "br=320&ot=a")
	f("what is not kept, around what is", `ab=(2500),bg,bl=(2100;v 1800;a),br=(3000;v 164;a),bs,bsa=(3;v 1;a),cs="g48",ec=("2001" "a,b"),lb=(500;v 32;a) ,ltc=13500, mtp=(15000;v 6000;a), nor=("a b.mp4";r="0-99" "c"),nr,ot=v, pb=(2000;v),sid="s",sn=129,st=ll,sta=p,su,v=2`,
		"bl=2100&br=3000&bs=&mtp=15000&ot=v&sid=s&st=ll&su=")
	f("starvation that has ended", `bsd=(1200;v 100;a),v=2`, "bs=")
	f("starvation of no time", `bsd=(0;v),v=2`, "")
	f("spaces in lists", `br=( 3000;v  164;a ),bl=7`, "bl=7&br=3000")
	f("empty list", `br=(),bl=7`, "bl=7")
	f("list of texts where a number is due", `br=("x"),bl=7`, "bl=7")
	f("keys in capitals", `BR=1,SID="x",bl=7`, "bl=7")
	f("identifier that is not quoted", `sid=`+uuid+`,bl=7`, "bl=7&sid="+uuid)
	f("not ASCII", `cid="finale é",bl=7`, "bl=7&cid=finale+%C3%A9")
	f("number of 16 digits", `d=1234567890123456,bl=7`, "bl=7")
	f("trailing comma", `br=(1),bl=7,`, "bl=7&br=1")
	f("false", `bs=?0,su=?0,bl=7`, "bl=7")
	f("date of RFC 9651", `x=@1659578233,bl=7`, "bl=7")
	f("later version", `br=(1),v=3`, "")
}

func TestFieldsMayHoldLists(t *testing.T) {
	f := func(key, text, want string) {
		t.Helper()
		t.Run(key+" "+text, func(t *testing.T) {
			t.Helper()
			var c event.CMCD
			cmcd.Set(key, []byte(text), &c)
			if got := show(c); got != want {
				t.Errorf("Set(%s, %s) = %s, want %s", key, text, got, want)
			}
		})
	}
	f("br", "(3000;v 164;a)", "br=3000")
	f("br", "%283000%3Bv%29", "br=3000")
	f("sid", `"`+uuid+`"`, "sid="+uuid)
	f("sid", `%22`+uuid+`%22`, "sid="+uuid)
	f("cid", `100% live`, "cid=100%25+live")
	f("cid", `a+b`, "cid=a%2Bb")
	f("bl", "(", "")
	f("bl", "%", "")
}

func walk(m cmcd.Members) string {
	var b strings.Builder
	var scratch []byte
	for m.Next() {
		fmt.Fprintf(&b, "%s:", m.Key())
		for items := m.Items(); items.Next(); {
			var text []byte
			text, scratch = items.Text(scratch, 200)
			fmt.Fprintf(&b, " %q", text)
			if k := items.Type(); k != 0 {
				fmt.Fprintf(&b, "/%c", k)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestMembers(t *testing.T) {
	f := func(in string, want ...string) {
		t.Helper()
		t.Run(in, func(t *testing.T) {
			t.Helper()
			wanted := strings.Join(want, "\n") + "\n"
			if len(want) == 0 {
				wanted = ""
			}
			if got := walk(cmcd.NewMembers([]byte(in))); got != wanted {
				t.Errorf("got\n%swant\n%s", got, wanted)
			}
			if got := walk(cmcd.NewMembersEncoded([]byte(url.QueryEscape(in)))); got != wanted {
				t.Errorf("encoded: got\n%swant\n%s", got, wanted)
			}
		})
	}
	f(`bg,bl=(2100;v 1800;a 7;av 8;x "q\"";v),e=ps`, "bg:", `bl: "2100"/v "1800"/a "7"/v "8" "q\""/v`, `e: "ps"`)
	f(`nor=("a b.mp4";r="0, 99";v "c"),sn=1;p`, `nor: "a b.mp4" "c"`, `sn: "1"`)
	f(`ec=(),d=,br=(5,bl=7`, "ec:", "d:", `br: "5"`, `bl: "7"`)
	f(`com.example-long=1,=2,x=)`, "x:")
	f("")
}

func FuzzMembers(f *testing.F) {
	f.Add([]byte(`bl=(2100;v 1800;a),ec=("a\"b" "c";x="y z"),e=ps,su`))
	f.Add([]byte("br=(;,\"\\ ;v"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range []cmcd.Members{cmcd.NewMembers(b), cmcd.NewMembersEncoded(b)} {
			members, items := 0, 0
			for m.Next() {
				if members++; len(m.Key()) > 8 || members > len(b)+1 {
					t.Fatalf("%d members, key %q", members, m.Key())
				}
				for i := m.Items(); i.Next(); {
					if items++; items > len(b) {
						t.Fatal("more items than bytes")
					}
					if text, _ := i.Text(nil, 5); len(text) > 5 {
						t.Fatalf("%q", text)
					}
				}
			}
		}
		// The session that Scan finds is that of the last member of that name which is readable.
		var c event.CMCD
		cmcd.Scan(b, &c)
		var want []byte
		later := false
		for m := cmcd.NewMembers(b); m.Next(); {
			first := m.First()
			switch string(m.Key()) {
			case "sid":
				if text, _ := first.Text(nil, cmcd.MaxSession); len(text) > 0 {
					want = text
				}
			case "v":
				if n, ok := first.Uint(); ok && n > 2 {
					later = true
				}
			}
		}
		if later {
			want = nil
		}
		if string(want) != string(c.Session) {
			t.Fatalf("Members %q, Scan %q", want, c.Session)
		}
	})
}
