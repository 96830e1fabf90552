package field_test

import (
	"math"
	"net/netip"
	"testing"
	"time"

	"vigie/ingest/field"
	"vigie/internal/event"
)

func TestUint(t *testing.T) {
	f := func(in string, want uint64, wantOK bool) {
		t.Helper()
		if got, ok := field.Uint([]byte(in)); got != want || ok != wantOK {
			t.Errorf("Uint(%q) = %d, %v", in, got, ok)
		}
	}
	f("0", 0, true)
	f("000", 0, true)
	f("1788896703120123456", 1788896703120123456, true)
	f("18446744073709551615", math.MaxUint64, true)
	f("18446744073709551616", 0, false)
	f("99999999999999999999999", 0, false)
	f("12.9", 12, true)
	f("12.", 12, true)
	f("1.5e3", 1500, true)
	f("1e400", 0, false)
	f("1e19", 0, false)
	f("", 0, false)
	f("-", 0, false)
	f("-1", 0, false)
	f("+1", 0, false)
	f(".5", 0, false)
	f("1x", 0, false)
	f("0x10", 0, false)
	f("inf", 0, false)
	f("12.x", 0, false)
}

func TestDuration(t *testing.T) {
	f := func(in string, unit, want time.Duration) {
		t.Helper()
		if got := field.Duration([]byte(in), unit); got != want {
			t.Errorf("Duration(%q, %v) = %v, want %v", in, unit, got, want)
		}
	}
	f("0", time.Millisecond, 0)
	f("0.004", time.Second, 4*time.Millisecond)
	f("0.1234567891", time.Second, 123456789)
	f("31.5", time.Millisecond, 31500*time.Microsecond)
	f("4000", time.Microsecond, 4*time.Millisecond)
	f("1e3", time.Millisecond, time.Second)
	f("86400", time.Second, field.MaxDuration)
	f("86400.001", time.Second, event.Unknown)
	f("86401", time.Second, event.Unknown)
	f("9999999999999999999999", time.Second, event.Unknown)
	f("1e300", time.Second, event.Unknown)
	f("", time.Second, event.Unknown)
	f("-", time.Second, event.Unknown)
	f("-1", time.Second, event.Unknown)
	f("1.2.3", time.Second, event.Unknown)
	f("x", time.Second, event.Unknown)
}

func TestPositive(t *testing.T) {
	f := func(in string, want float64, wantOK bool) {
		t.Helper()
		if got, ok := field.Positive([]byte(in), 1e6); got != want || ok != wantOK {
			t.Errorf("Positive(%q) = %v, %v", in, got, ok)
		}
	}
	f("100", 100, true)
	f("0.5", 0.5, true)
	f("1000000", 1e6, true)
	f("1000001", 0, false)
	f("0", 0, false)
	f("-1", 0, false)
	f("NaN", 0, false)
	f("", 0, false)
}

func TestTime(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Skip("no time zones on this machine:", err)
	}
	f := func(in, want string) {
		t.Helper()
		got, ok := field.Time([]byte(in), paris)
		if !ok {
			got = time.Time{}
		}
		text := ""
		if ok {
			text = got.Format(time.RFC3339Nano)
		}
		if text != want {
			t.Errorf("Time(%q) = %q, want %q", in, text, want)
		}
	}
	const at = "2026-09-08T19:45:03Z"
	f("1788896703", at)
	f("1788896703.120", "2026-09-08T19:45:03.12Z")
	f("1788896703120", "2026-09-08T19:45:03.12Z")
	f("1788896703120.5", "2026-09-08T19:45:03.1205Z")
	f("1788896703120456", "2026-09-08T19:45:03.120456Z")
	f("1788896703120456789", "2026-09-08T19:45:03.120456789Z")
	f("1788896703120456789.9", "2026-09-08T19:45:03.120456789Z")
	f("2026-09-08T19:45:03Z", at)
	f("2026-09-08t19:45:03z", at)
	f("2026-09-08 19:45:03+00:00", at)
	f("2026-09-08T21:45:03+0200", at)
	f("2026-09-08T21:45:03+02", at)
	f("2026-09-08T14:15:03-05:30", at)
	f("2026-09-08T21:45:03", at) // local
	f("2026-09-08T19:45:03.123456789123Z", "2026-09-08T19:45:03.123456789Z")
	f("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z")
	f("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z")
	for _, bad := range []string{"", "-", "x", "0", "12", "-1788896703", "1788896703x", "1.7e9", "946684799", "7258118400",
		"99999999999999999999", "2025-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-09-31T00:00:00Z",
		"2026-09-08T24:00:00Z", "2026-09-08T19:45", "2026-09-08T19:45:03+", "2026-09-08T19:45:03+2:00", "2026-09-08T19:45:03Zx",
		"2026-09-08T19:45:03+24:00", "1999-12-31T23:59:59Z", "2026-09-08T19-45-03Z"} {
		f(bad, "")
	}
}

func TestCLF(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got, ok := field.CLF([]byte(in), time.FixedZone("", 3600))
		text := ""
		if ok {
			text = got.Format(time.RFC3339)
		}
		if text != want {
			t.Errorf("CLF(%q) = %q, want %q", in, text, want)
		}
	}
	f("08/Sep/2026:19:45:03 +0000", "2026-09-08T19:45:03Z")
	f("08/Sep/2026:19:45:03 +0200", "2026-09-08T17:45:03Z")
	f("08/Sep/2026:19:45:03", "2026-09-08T18:45:03Z")
	f("29/Feb/2024:00:00:00 -0100", "2024-02-29T01:00:00Z")
	f("29/Feb/2026:00:00:00 -0100", "")
	f("08/sep/2026:19:45:03 +0000", "")
	f("8/Sep/2026:19:45:03 +0000", "")
	f("08/Sep/2026:19:45", "")
	f("", "")
}

// Every day of two centuries, against the standard library.
func TestDaysAgreeWithTheStandardLibrary(t *testing.T) {
	for d := time.Date(2000, 1, 1, 12, 34, 56, 0, time.UTC); d.Year() < 2200; d = d.AddDate(0, 0, 1) {
		if got, ok := field.RFC3339([]byte(d.Format(time.RFC3339)), nil); !ok || !got.Equal(d) {
			t.Fatalf("%v read as %v", d, got)
		}
		if got, ok := field.CLF([]byte(d.Format("02/Jan/2006:15:04:05 -0700")), nil); !ok || !got.Equal(d) {
			t.Fatalf("%v read as %v", d, got)
		}
	}
}

func TestAddr(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got, ok := field.Addr([]byte(in))
		text := ""
		if ok {
			text = got.String()
		}
		if text != want {
			t.Errorf("Addr(%q) = %q, want %q", in, text, want)
		}
	}
	f("192.0.2.7", "192.0.2.7")
	f("192.0.2.7:443", "192.0.2.7")
	f("2001:db8::7", "2001:db8::7")
	f("[2001:db8::7]", "2001:db8::7")
	f("[2001:db8::7]:443", "2001:db8::7")
	f("::ffff:192.0.2.7", "192.0.2.7")
	f("fe80::1%eth0", "")
	f("localhost", "")
	f("192.0.2.256", "")
	f("[", "")
	f("[]", "")
	f("-", "")
	f("", "")
	f("unix:", "")
}

func TestAddrKeepsNothingOfItsInput(t *testing.T) {
	b := []byte("2001:db8::7")
	got, _ := field.Addr(b)
	copy(b, "xxxxxxxxxxx")
	if want := netip.MustParseAddr("2001:db8::7"); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestClient(t *testing.T) {
	f := func(name, peer, forwarded, want string) {
		t.Helper()
		got := ""
		if a := field.Client([]byte(peer), []byte(forwarded)); a.IsValid() {
			got = a.String()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	f("a public peer is the viewer", "192.0.2.7", "198.51.100.1", "192.0.2.7")
	f("a proxy in front has added the last", "10.0.0.1", "203.0.113.66, 198.51.100.1", "198.51.100.1")
	f("proxies in a row", "127.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1")
	f("what stands before something unreadable is not believed", "10.0.0.1", "198.51.100.1, unknown", "10.0.0.1")
	f("no list", "10.0.0.1", "", "10.0.0.1")
	f("a socket", "unix:", "198.51.100.1", "198.51.100.1")
	f("only private", "10.0.0.1", "192.168.1.1", "10.0.0.1")
	f("nothing", "", "", "")
}

func TestPercent(t *testing.T) {
	f := func(in string, spaced bool, want string) {
		t.Helper()
		if got, _ := field.Percent([]byte(in), nil, spaced); string(got) != want {
			t.Errorf("Percent(%q, %v) = %q, want %q", in, spaced, got, want)
		}
	}
	f("", false, "")
	f("plain", false, "plain")
	f("a%20b", false, "a b")
	f("%41%42c%c3%A9", false, "ABcé")
	f("a+b%2Bc", true, "a b+c")
	f("a+b%2Bc", false, "a+b+c")
	f("100%", false, "100%")
	f("%4", false, "%4")
	f("%zz%41", false, "%zzA")
	f("%%41", false, "%A")
}

func TestPercentKeepsWhatWasDecodedBefore(t *testing.T) {
	first, scratch := field.Percent([]byte("a%20b"), nil, false)
	second, _ := field.Percent([]byte("c%20d"), scratch, false)
	if string(first) != "a b" || string(second) != "c d" {
		t.Errorf("%q, %q", first, second)
	}
}

func TestTarget(t *testing.T) {
	f := func(in, host, path, query string) {
		t.Helper()
		h, p, q := field.Target([]byte(in))
		if string(h) != host || string(p) != path || string(q) != query {
			t.Errorf("Target(%q) = %q, %q, %q", in, h, p, q)
		}
	}
	f("/a/b?c=d?e", "", "/a/b", "c=d?e")
	f("http://h:80/a?b", "h:80", "/a", "b")
	f("https://h", "h", "", "")
	f("https://h?x=/", "h", "", "x=/")
	f("/a?u=http://x/", "", "/a", "u=http://x/")
	f("*", "", "*", "")
	f("", "", "", "")
}

func TestRequestLine(t *testing.T) {
	f := func(in, method, target, protocol string) {
		t.Helper()
		m, r, p := field.RequestLine([]byte(in))
		if string(m) != method || string(r) != target || string(p) != protocol {
			t.Errorf("RequestLine(%q) = %q, %q, %q", in, m, r, p)
		}
	}
	f("GET /a HTTP/1.1", "GET", "/a", "HTTP/1.1")
	f("GET /a b HTTP/1.1", "GET", "/a b", "HTTP/1.1")
	f("GET /a", "GET", "/a", "")
	f("", "", "", "")
	f("GET", "", "", "")
	f("\x16\x03\x01 \x02", "", "", "")
	f(" /a", "", "", "")
}

func TestLastNumber(t *testing.T) {
	for in, want := range map[string]string{"0.004": "0.004", "0.001, 0.120 : 0.003": "0.003", "0.001, -": "0.001", "-": "", "": ""} {
		if got := field.LastNumber([]byte(in)); string(got) != want {
			t.Errorf("LastNumber(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCache(t *testing.T) {
	for want, words := range map[event.Cache][]string{
		event.CacheHit:     {"HIT", "hit", "Hit", "OriginShieldHit", "HIT-CLUSTER"},
		event.CacheRefresh: {"RefreshHit", "STALE", "UPDATING", "REVALIDATED", "refresh"},
		event.CacheMiss:    {"MISS", "Miss", "EXPIRED", "hitmiss"},
		event.CachePass:    {"pass", "BYPASS", "hitpass", "pipe", "synth"},
		event.CacheError:   {"Error", "LimitExceeded", "CapacityExceeded"},
		event.CacheUnknown: {"", "-", "Redirect", "a word that is longer than any"},
	} {
		for _, w := range words {
			if got := field.Cache([]byte(w)); got != want {
				t.Errorf("Cache(%q) = %v, want %v", w, got, want)
			}
		}
	}
}

func TestASN(t *testing.T) {
	for in, want := range map[string]uint32{"3215": 3215, "AS3215": 3215, "as3215": 3215, "4294967295": 4294967295, "4294967296": 0, "AS": 0, "-": 0, "": 0} {
		if got, _ := field.ASN([]byte(in)); got != want {
			t.Errorf("ASN(%q) = %d, want %d", in, got, want)
		}
	}
}

func FuzzValues(f *testing.F) {
	for _, s := range []string{"1788896703.120", "2026-09-08T19:45:03.12+02:00", "08/Sep/2026:19:45:03 +0200", "[2001:db8::1]:443", "1.5e3", "%41+%zz", "http://h/p?q", "0.1, - : 0.2"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if d := field.Duration(b, time.Second); d < event.Unknown || d > field.MaxDuration {
			t.Fatalf("duration %v", d)
		}
		if at, ok := field.RFC3339(b, nil); ok && len(b) > 19 && b[10] == 'T' {
			if want, err := time.Parse(time.RFC3339Nano, string(b)); err == nil && !want.Truncate(time.Nanosecond).Equal(at) {
				t.Fatalf("%q: %v, want %v", b, at, want)
			}
		}
		if at, ok := field.Time(b, nil); ok && (at.Year() < 2000 || at.Year() > 2199) {
			t.Fatalf("%q: %v", b, at)
		}
		field.CLF(b, nil)
		field.DateTime(b, b)
		if a, ok := field.Addr(b); ok && (a.Zone() != "" || a.Is4In6()) {
			t.Fatalf("%q: %v", b, a)
		}
		if want, err := netip.ParseAddr(string(b)); err == nil && want.Zone() == "" {
			if got, ok := field.Addr(b); !ok || got != want.Unmap() {
				t.Fatalf("%q: %v, want %v", b, got, want)
			}
		}
		if text, _ := field.Percent(b, nil, true); len(text) > len(b) {
			t.Fatalf("%q grew to %q", b, text)
		}
		field.Client(b, b)
		field.Target(b)
		field.RequestLine(b)
		field.LastNumber(b)
		field.Cache(b)
		field.ASN(b)
	})
}
