package ingest

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"/live/tf1", "/live/tf1", true},
		{"/live/tf1", "/live/tf1/", false},
		{"/live/*", "/live/", true},
		{"/live/*", "/live", false},
		{"*", "", true},
		{"*.m4s", "/a.m4s", true},
		{"*.m4s", ".m4s", true},
		{"*.m4s", "m4s", false},
		{"/a*a", "/a", false}, // one byte is not both ends
		{"/a*a", "/aa", true},
		{"/*/b/*/d", "/a/b/c/d", true},
		{"/*/b/*/d", "/a/b/d", false},
		{"*b*b*", "ab", false},
		{"*b*b*", "abb", true},
		{"**", "x", true},
		{"", "", true},
		{"", "x", false},
	} {
		if got := patterns([]string{c.pattern})[0].match([]byte(c.text)); got != c.want {
			t.Errorf("%q on %q: %v", c.pattern, c.text, got)
		}
	}
}

func TestChannelsAndClassesByPath(t *testing.T) {
	p, err := Paths{
		Channels: []ChannelPaths{
			{ID: "tf1-4k", Paths: []string{"/live/tf1/4k/*"}},
			{ID: "tf1", Paths: []string{"/live/tf1/*", "/backup/tf1/*"}},
			{ID: "vod", Hosts: []string{"vod*.example"}},
			{ID: "tmc", Hosts: []string{"live.example"}, Paths: []string{"/tmc/*"}},
		},
		Classes: []ClassPaths{{Class: "key", Paths: []string{"/license*"}}, {Class: "api", Paths: []string{"/v2/*"}}},
	}.compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ host, path, channel, class string }{
		{"live.example", "/live/tf1/4k/seg_1.m4s", "tf1-4k", "segment"},
		{"live.example", "/live/tf1/master.m3u8", "tf1", "manifest"},
		{"live.example", "/backup/tf1/init.mp4", "tf1", "init"},
		{"live.example", "/live/tf1/video_init_3.mp4", "tf1", "init"},
		{"live.example", "/live/tf1/initial.ts", "tf1", "init"},
		{"vod7.example", "/x.mpd", "vod", "manifest"},
		{"vod7.example.evil", "/x.mpd", "", "manifest"},
		{"live.example", "/tmc/aes.key", "tmc", "key"},
		{"other.example", "/tmc/a.ts", "", "segment"},
		{"", "/license/widevine", "", "key"},
		{"", "/v2/users/me", "", "api"},
		{"", "/api/health", "", "api"},
		{"", "/", "", "other"},
		{"", "", "", "other"},
		{"", "/a.m4s/", "", "other"},
		{"", "/a.M3U8", "", "other"},
		{"", "/dir.m4s/file", "", "other"},
		{"", "\xff\xfe.ts", "", "segment"},
	} {
		if got := string(p.channel([]byte(c.host), []byte(c.path))); got != c.channel {
			t.Errorf("channel of %s%s: %q, want %q", c.host, c.path, got, c.channel)
		}
		if got := p.class([]byte(c.path)).String(); got != c.class {
			t.Errorf("class of %s: %q, want %q", c.path, got, c.class)
		}
	}
}

func TestPathsThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		name  string
		paths Paths
		want  string
	}{
		{"a channel without id", Paths{Channels: []ChannelPaths{{Paths: []string{"/*"}}}}, "paths.channels[0].id"},
		{"a channel of everything", Paths{Channels: []ChannelPaths{{ID: "a"}}}, "give hosts or paths"},
		{"too many", Paths{Channels: make([]ChannelPaths, maxChannels+1)}, "201 are more than the 200"},
		{"an unknown class", Paths{Classes: []ClassPaths{{Class: "video"}}}, `paths.classes[0].class: "video" is none of other, manifest`},
	} {
		if _, err := c.paths.compile(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestNetworksByNumber(t *testing.T) {
	table, err := ReadISPs(strings.NewReader("# ours\n\n3215,Orange\nAS12322, Free \n 5410 ,Orange\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	for asn, want := range map[uint32]string{0: "Unknown", 3215: "Orange", 12322: "Free", 5410: "Orange", 64500: "Other"} {
		if got := string(table.name(asn)); got != want {
			t.Errorf("AS%d: %q, want %q", asn, got, want)
		}
	}
	shipped, err := ShippedISPs()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(shipped.name(12322)); got != "Free" {
		t.Errorf("AS12322 is shipped as %q", got)
	}
	for _, c := range []struct{ text, want string }{
		{"3215", "line 1"},
		{"\n3215;Orange", `line 2: "3215;Orange"`},
		{"0,Nobody", "line 1"},
		{"4294967296,Beyond", "line 1"},
		{"-1,Minus", "line 1"},
		{"1,A\n1,B", "line 2: AS1 is there twice"},
		{"1,", "1 to 64 bytes"},
		{"1," + strings.Repeat("x", 65), "1 to 64 bytes"},
		{"1," + strings.Repeat("x", 70_000), "token too long"},
	} {
		if _, err := ReadISPs(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.20q: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestWhatIsKeptOfAnAddress(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.77": "192.0.2.0", "0.0.0.0": "0.0.0.0", "255.255.255.255": "255.255.255.0",
		"2001:db8:1:2::3": "2001:db8:1::", "::1": "::",
	} {
		if got := network(netip.MustParseAddr(from)).String(); got != want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
	if got := network(netip.Addr{}); got.IsValid() {
		t.Errorf("no address: %s", got)
	}
	if got := network(netip.MustParseAddr("fe80::1%eth0")); got.Zone() != "" {
		t.Errorf("a zone is kept: %s", got)
	}
}

// writeMMDB writes networks as an MMDB file, replacing it as a nightly update does.
func writeMMDB(t *testing.T, path string, networks map[string]mmdbtype.Map) {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "ASN", RecordSize: 24, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for prefix, value := range networks {
		_, ipnet, err := net.ParseCIDR(prefix)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(ipnet, value); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(path + ".new")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func geoLite(asn uint32) mmdbtype.Map {
	return mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(asn)}
}

func TestNumbersOfAddresses(t *testing.T) {
	four, six := filepath.Join(t.TempDir(), "4.mmdb"), filepath.Join(t.TempDir(), "6.mmdb")
	writeMMDB(t, four, map[string]mmdbtype.Map{
		"198.18.0.0/20":  geoLite(3215),
		"198.18.16.0/20": {"asn": mmdbtype.String("AS12322"), "as_name": mmdbtype.String("Free")},
		"198.18.32.0/20": {"asn": mmdbtype.String("none")},
		"198.18.48.0/20": {"asn": mmdbtype.Uint32(1)}, // a number where IPinfo has a text
		"198.18.64.0/20": {},
	})
	writeMMDB(t, six, map[string]mmdbtype.Map{"2001:db8::/32": geoLite(5410)})
	asns, err := OpenASNs([]string{four, six}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	cache := asnCache{asns: asns}
	for range 2 { // the second time from the cache
		for addr, want := range map[string]uint32{
			"198.18.0.1": 3215, "198.18.16.1": 12322, "198.18.32.1": 0, "198.18.48.1": 0, "198.18.64.1": 0,
			"203.0.113.1": 0, "2001:db8::1": 5410, "2001:db9::1": 0,
		} {
			if got := cache.lookup(netip.MustParseAddr(addr)); got != want {
				t.Errorf("%s: AS%d, want AS%d", addr, got, want)
			}
		}
	}
}

func TestANightlyUpdateNeedsNoRestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "asn.mmdb")
	addr := netip.MustParseAddr("198.18.0.1")
	writeMMDB(t, file, map[string]mmdbtype.Map{"198.18.0.0/20": geoLite(1)})
	synctest.Test(t, func(t *testing.T) {
		asns, err := OpenASNs([]string{file}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- asns.Run(ctx) }()
		cache := asnCache{asns: asns}
		for _, step := range []struct {
			name string
			do   func()
			want uint32
		}{
			{"as it was opened", func() {}, 1},
			{"replaced", func() {
				writeMMDB(t, file, map[string]mmdbtype.Map{"198.18.0.0/20": geoLite(22), "203.0.113.0/24": geoLite(3)})
			}, 22},
			{"damaged: the last good one stays", func() { os.WriteFile(file, []byte("damaged"), 0o600) }, 22},
			{"gone: the last good one stays", func() { os.Remove(file) }, 22},
			{"there again", func() { writeMMDB(t, file, map[string]mmdbtype.Map{"198.18.0.0/20": geoLite(4)}) }, 4},
		} {
			step.do()
			time.Sleep(reloadEvery + time.Second)
			synctest.Wait()
			if got := cache.lookup(addr); got != step.want {
				t.Errorf("%s: AS%d, want AS%d", step.name, got, step.want)
			}
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestFilesOfNumbersThatCannotBeRead(t *testing.T) {
	damaged := filepath.Join(t.TempDir(), "damaged.mmdb")
	if err := os.WriteFile(damaged, []byte("not one"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{damaged: "is not an MMDB file", "/nowhere/asn.mmdb": "no such file"} {
		if _, err := OpenASNs([]string{file}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "enrich.asn_files") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestTheCacheOfNumbersIsBounded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "asn.mmdb")
	writeMMDB(t, file, map[string]mmdbtype.Map{"198.18.0.0/20": geoLite(1)})
	asns, err := OpenASNs([]string{file}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	cache := asnCache{asns: asns}
	for i := range maxSeen + 1000 {
		cache.lookup(netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i), 1}))
		if len(cache.seen) > maxSeen {
			t.Fatalf("%d networks are remembered", len(cache.seen))
		}
	}
}
