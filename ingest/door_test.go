package ingest

import (
	"net/http"
	"net/netip"
	"testing"
	"time"
)

func TestTheRateIsPerNetworkAndSecond(t *testing.T) {
	r := newRate(3)
	at := time.Unix(1_788_896_703, 0)
	one, neighbour, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.200"), netip.MustParseAddr("2001:db8:77::1")
	for i, step := range []struct {
		from netip.Addr
		at   time.Time
		want bool
	}{
		{one, at, true}, {one, at, true}, {neighbour, at, true},
		{one, at, false}, {neighbour, at, false}, // one /24 is one network
		{other, at, true},
		{one, at.Add(999 * time.Millisecond), false},
		{one, at.Add(time.Second), true},
		{one, at, true}, // a clock that went back does not lock anybody out
	} {
		if got := r.admits(step.from, step.at); got != step.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
}

func TestTheViewersAddressIsWhatTrustedProxiesSay(t *testing.T) {
	d := &publicDoor{collector: &Collector{cfg: CollectorConfig{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ff::/48")}}}}
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"nobody between", "192.0.2.1:4711", nil, "192.0.2.1"},
		{"a viewer who says it", "192.0.2.1:4711", []string{"8.8.8.8"}, "192.0.2.1"},
		{"a proxy", "10.0.0.1:80", []string{"192.0.2.7"}, "192.0.2.7"},
		{"a viewer who lies to a proxy", "10.0.0.1:80", []string{"8.8.8.8, 192.0.2.7"}, "192.0.2.7"},
		{"and in a header of its own", "10.0.0.1:80", []string{"8.8.8.8", "192.0.2.7"}, "192.0.2.7"},
		{"two proxies", "10.0.0.1:80", []string{"192.0.2.7, 10.9.9.9"}, "192.0.2.7"},
		{"a proxy that says nothing", "10.0.0.1:80", nil, "10.0.0.1"},
		{"a proxy that says nonsense", "10.0.0.1:80", []string{"8.8.8.8, unknown"}, "10.0.0.1"},
		{"IPv6", "[2001:db8:ff::1]:80", []string{"2001:db8::7"}, "2001:db8::7"},
		{"IPv4 written as IPv6", "[::ffff:10.0.0.1]:80", []string{"::ffff:192.0.2.7"}, "192.0.2.7"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.forwarded}}
		if got := d.client(r); got.String() != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestWhatMakesARepeatARepeat(t *testing.T) {
	s, other := &Source{ID: "a"}, &Source{ID: "b"}
	large := make([]byte, honestRepeat)
	first := delivery{source: s, body: large}
	for _, c := range []struct {
		name string
		d    delivery
		same bool
	}{
		{"the same bytes", delivery{source: s, body: make([]byte, honestRepeat)}, true},
		{"received later", delivery{source: s, body: large, received: time.Now(), client: "192.0.2.1"}, true},
		{"of another source", delivery{source: other, body: large}, false},
		{"one byte more", delivery{source: s, body: append(make([]byte, 0, honestRepeat+1), append(large, 0)...)}, false},
		{"with a batch id", delivery{source: s, body: large, batch: "1"}, false},
	} {
		if got := c.d.id() == first.id(); got != c.same {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	for name, d := range map[string]delivery{
		"an envelope":  {source: s, body: large, envelope: true, batch: "1"},
		"a small body": {source: s, body: large[1:]},
	} {
		if id := d.id(); id != "" {
			t.Errorf("%s has the id %q: what is meant twice would count once", name, id)
		}
	}
	named, renamed := delivery{source: s, batch: "x", body: large}, delivery{source: s, batch: "x", body: large[1:]}
	if named.id() == "" || named.id() != renamed.id() {
		t.Error("a batch id does not name its body")
	}
}
