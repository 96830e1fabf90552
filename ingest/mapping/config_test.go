package mapping_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"vigie/ingest/mapping"
	"vigie/internal/event"
)

func TestYAML(t *testing.T) {
	f := func(name, text string, want mapping.From) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			var c mapping.Config
			if err := yaml.UnmarshalWithOptions([]byte("map:\n  x: "+text), &c, yaml.Strict()); err != nil {
				t.Fatal(err)
			}
			if got := c.Map["x"]; !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %+v, want %+v", text, got, want)
			}
		})
	}
	f("short", `vhost`, mapping.From{From: []string{"vhost"}})
	f("list", `[a, b]`, mapping.From{From: []string{"a", "b"}})
	f("long", `{from: ttfb, unit: us}`, mapping.From{From: []string{"ttfb"}, Unit: "us"})
	f("long with a list", `{from: [a, b], layout: unix_ms, zone: Europe/Paris, percent: true, first: 3, last: 2}`,
		mapping.From{From: []string{"a", "b"}, Layout: "unix_ms", Zone: "Europe/Paris", Percent: true, First: 3, Last: 2})
	f("words without quotes", `{from: c, values: {HIT: hit, true: false, 200: 1, "TCP_*": miss}}`,
		mapping.From{From: []string{"c"}, Values: map[string]string{"HIT": "hit", "true": "false", "200": "1", "TCP_*": "miss"}})
	f("constants", `{const: 5}`, mapping.From{Const: "5"})
	f("constants that are true", `{const: true}`, mapping.From{Const: "true"})

	bad := func(name, text, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			var c mapping.Config
			err := yaml.UnmarshalWithOptions([]byte(text), &c, yaml.Strict())
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", text, err, want)
			}
		})
	}
	bad("unknown key", "map:\n  x: {form: a}", `unknown field "form"`)
	bad("unknown key of the mapping", "maps: {}", `unknown field "maps"`)
	bad("a number", "map:\n  x: 5", "a name of a sender's field is expected")
	bad("a list in a value", "map:\n  x: {from: a, values: {b: [c]}}", "a text, a number, true or false is expected")
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	f := func(name string, c mapping.Config, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			_, err := mapping.New(c)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
	f("unit", with(keys{"first_byte": {From: []string{"a"}, Unit: "usec"}}), `map.first_byte.unit: "usec" is none of s, ms, us, ns`)
	f("no unit", with(keys{"duration": one("a")}), `map.duration.unit: is missing: give one of s, ms, us, ns`)
	f("unit of a text", with(keys{"host": {From: []string{"a"}, Unit: "s"}}), `map.host.unit: is not for this field`)
	f("size", with(keys{"bytes": {From: []string{"a"}, Unit: "s"}}), `map.bytes.unit: "s" is none of B, KB, MB, GB, KiB, MiB, GiB, bit, kbit, Mbit`)
	f("weight", with(keys{"weight": {From: []string{"a"}, Unit: "x"}}), `map.weight.unit: "x" is none of ratio, percent`)
	f("layout", with(keys{"time": {From: []string{"a"}, Layout: "iso"}}), `map.time.layout: "iso" is none of unix, unix_ms`)
	f("layout without a day", with(keys{"time": {From: []string{"a"}, Layout: "15:04:05"}}), `map.time.layout: "15:04:05" is none of`)
	f("layout of a text", with(keys{"host": {From: []string{"a"}, Layout: "unix"}}), `map.host.layout: is for time only`)
	f("zone", with(keys{"time": {From: []string{"a"}, Zone: "Paris"}}), `map.time.zone: "Paris" is no IANA name`)
	f("cache word", with(keys{"cache": {From: []string{"a"}, Values: map[string]string{"H": "hot"}}}), `map.cache.values.H: "hot" is none of hit, refresh, miss, pass, error`)
	f("bool word", with(keys{"blocked": {From: []string{"a"}, Values: map[string]string{"H": "maybe"}}}), `map.blocked.values.H: "maybe" is neither true nor false`)
	f("number", with(keys{"asn": {From: []string{"a"}, Const: "x"}}), `map.asn.const: "x" can't be read as asn`)
	f("star in the middle", with(keys{"cache": {From: []string{"a"}, Values: map[string]string{"A*B": "hit"}}}), `map.cache.values.A*B: * stands for anything at the begin and the end only`)
	f("constant time", with(keys{"time": {Const: "1788896703"}}), `map.time.const: a time that is always the same`)
	f("nothing", with(keys{"host": {}}), `map.host.from: is missing`)
	f("empty name", with(keys{"host": one("")}), `map.host.from: a field's name of 1 to 255 bytes`)
	f("unknown key", with(keys{"hots": one("a")}), `map.hots: is no field of a request; there are date, time, `)
	f("key of a beacon", with(keys{"stalls": one("a")}), `map.stalls: is no field of a request`)
	f("first and last", with(keys{"pop": {From: []string{"a"}, First: 1, Last: 1}}), `map.pop.first: first or last`)
	f("no time", mapping.Config{Map: keys{"host": one("a")}}, `map.time: is missing: it is required`)
	f("no session", mapping.Config{Record: "beacon", Map: keys{"time": one("a")}}, `map.session: is missing: it is required`)
	f("event word", mapping.Config{Record: "beacon", Map: keys{"session": one("a"), "event": {From: []string{"e"}, Values: map[string]string{"x": "start"}}}}, `map.event.values.x: "start" is none of playbackRequest`)
	f("state word", mapping.Config{Record: "beacon", Map: keys{"session": one("a"), "state": {From: []string{"e"}, Values: map[string]string{"p": "play"}}}}, `map.state.values.p: "play" is none of starting, playing, rebuffering, idle, over`)
	f("record", mapping.Config{Record: "log", Map: keys{"time": one("a")}}, `record: "log" is neither request nor beacon`)
	f("date alone", mapping.Config{Record: "beacon", Map: keys{"session": one("a"), "date": one("d")}}, `map.date: needs time`)
	f("drop", mapping.Config{Map: keys{"time": one("a")}, Drop: map[string][]string{"x": nil}}, `drop.x: 1 to 256 values`)
	f("deep", with(keys{"host": one("a.b.c.d.e.f.g.h.i.j")}), `map.host.from: "a.b.c.d.e.f.g.h.i.j" is nested deeper than 8`)

	shape := func(c mapping.Config) mapping.Config { c.Map = keys{"time": one("t")}; return c }
	f("shape", shape(mapping.Config{Shape: "xml"}), `shape: "xml" is none of json, csv, tsv, w3c, delimited`)
	f("fields of json", shape(mapping.Config{Fields: []string{"t"}}), `fields: are not for json`)
	f("no fields", shape(mapping.Config{Shape: "csv"}), `fields: are missing`)
	f("fields and header", shape(mapping.Config{Shape: "csv", Fields: []string{"t"}, Header: true}), `header: and fields are both set`)
	f("not among fields", shape(mapping.Config{Shape: "tsv", Fields: []string{"a"}}), `map.time.from: "t" is not among fields`)
	f("field twice", shape(mapping.Config{Shape: "tsv", Fields: []string{"t", "-", "-", "t"}}), `fields[3]: "t" is there twice`)
	f("delimiter missing", shape(mapping.Config{Shape: "delimited", Fields: []string{"t"}}), `delimiter: is missing`)
	f("delimiter of tsv", shape(mapping.Config{Shape: "tsv", Fields: []string{"t"}, Delimiter: ","}), `delimiter: is for csv and delimited only`)
	f("delimiter that is a line", shape(mapping.Config{Shape: "delimited", Fields: []string{"t"}, Delimiter: "\n"}), `delimiter: "\n" must be`)

	_, err := mapping.New(with(keys{"first_byte": {From: []string{"a"}, Unit: "usec"}, "hots": one("a")}))
	if err == nil || !strings.Contains(err.Error(), "first_byte") || !strings.Contains(err.Error(), "hots") {
		t.Errorf("not all that is wrong: %v", err)
	}
}

// TestEveryFieldHasItsKey holds the keys against the fields of the records.
func TestEveryFieldHasItsKey(t *testing.T) {
	var names func(reflect.Type, string) []string
	names = func(of reflect.Type, prefix string) (all []string) {
		for f := range of.Fields() {
			if f.Type == reflect.TypeFor[event.CMCD]() {
				all = append(all, names(f.Type, f.Name+".")...)
				continue
			}
			all = append(all, prefix+f.Name)
		}
		return all
	}
	for kind, of := range map[string]reflect.Type{"request": reflect.TypeFor[event.Request](), "beacon": reflect.TypeFor[event.Beacon]()} {
		c := mapping.Config{Record: kind, Map: keys{}}
		for _, name := range names(of, "") {
			key := snake(strings.TrimPrefix(name, "CMCD."))
			c.Map[key] = one("x")
			if slices.Contains([]string{"first_byte", "duration", "playing", "rebuffering", "media_time"}, key) || key == "startup" && kind == "beacon" {
				c.Map[key] = from{From: []string{"x"}, Unit: "ms"}
			}
		}
		if _, err := mapping.New(c); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		var told []string
		for _, r := range c.Readings() {
			told = append(told, r.Field)
		}
		for _, name := range names(of, "") {
			if !slices.Contains(told, name) {
				t.Errorf("%s.%s is in no reading", kind, name)
			}
		}
	}
}

// snake is a Go name in snake case: FirstByte is first_byte, CDNBytes cdn_bytes, PoP pop.
func snake(name string) string {
	if name == "PoP" {
		return "pop"
	}
	upper := func(i int) bool { return i >= 0 && i < len(name) && name[i] >= 'A' && name[i] <= 'Z' }
	var b strings.Builder
	for i := range len(name) {
		if upper(i) && i > 0 && (!upper(i-1) || i+1 < len(name) && !upper(i+1)) {
			b.WriteByte('_')
		}
		b.WriteByte(name[i] | 0x20)
	}
	return b.String()
}

func TestReadings(t *testing.T) {
	c := mapping.Config{Map: keys{"time": {From: []string{"t"}, Layout: "unix_ms"}, "url": one("u"), "host": one("h"), "first_byte": {From: []string{"a", "b"}, Unit: "us"}}}
	var got []string
	for _, r := range c.Readings() {
		got = append(got, r.Field+" "+strings.Join(r.From, ",")+" ("+r.Note+")")
	}
	want := "Time t (required, unix_ms)|Host h,u ()|Path u ()|Query u ()|FirstByte a,b (us)|CMCD u ()"
	if strings.Join(got, "|") != want {
		t.Errorf("got %s, want %s", strings.Join(got, "|"), want)
	}
}
