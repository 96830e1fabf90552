package remotewrite

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"
	"google.golang.org/protobuf/proto"

	"vigie/ingest/formattest"
	"vigie/ingest/record"
	"vigie/internal/event"
)

func TestParseV1(t *testing.T) {
	f := func(name, text string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			expect(t, ParseV1, v1(t, text), want)
		})
	}
	const at = `timestamp: 1788896703280`
	const when = `Time=2026-09-08T19:45:03.28Z `
	f("nothing", ``)
	f("metadata alone", `metadata { type: 1 metric_family_name: "http_requests_total" }`)
	f("a gauge", `timeseries { labels { name: "__name__" value: "queue_length" } samples { value: 3.5 `+at+` } }`,
		when+`Name="queue_length" Value=3.5`)
	f("counters by their names", `
		timeseries { labels { name: "__name__" value: "http_requests_total" } samples { value: 1 `+at+` } }
		timeseries { labels { name: "__name__" value: "d_seconds_bucket" } labels { name: "le" value: "+Inf" } samples { value: 2 `+at+` } }
		timeseries { labels { name: "__name__" value: "d_seconds_sum" } samples { value: 3 `+at+` } }
		timeseries { labels { name: "__name__" value: "d_seconds_count" } samples { value: 4 `+at+` } }`,
		when+`Name="http_requests_total" Kind=1 Value=1`, when+`Name="d_seconds_bucket" Labels={le="+Inf"} Kind=1 Value=2`,
		when+`Name="d_seconds_sum" Kind=1 Value=3`, when+`Name="d_seconds_count" Kind=1 Value=4`)
	f("labels are sorted, and empty ones are none", `timeseries { labels { name: "__name__" value: "m" } labels { name: "job" value: "login" } labels { name: "code" value: "200" } labels { name: "x" value: "" } samples { value: 1 `+at+` } }`,
		when+`Name="m" Labels={code="200",job="login"} Value=1`)
	f("several samples of a series", `timeseries { labels { name: "__name__" value: "m" } samples { value: 1 `+at+` } samples { value: 2 timestamp: 1788896704280 } }`,
		when+`Name="m" Value=1`, `Time=2026-09-08T19:45:04.28Z Name="m" Value=2`)
	f("any NaN is a value but the marker", `timeseries { labels { name: "__name__" value: "m" } samples { value: nan `+at+` } }`, when+`Name="m" Value=NaN`)
	f("a float and a native histogram in one series", `timeseries { labels { name: "__name__" value: "m" } samples { value: 1 `+at+` }
		histograms { count_int: 2 sum: 3 schema: 0 positive_spans { offset: 1 length: 1 } positive_deltas: 2 `+at+` } }`,
		when+`Name="m" Value=1`, when+`Name="m" Kind=3 Bounds=[1 2] Buckets=[0 2 0] Sum=3 Count=2`)

	good := `timeseries { labels { name: "__name__" value: "m" } samples { value: 1 ` + at + ` } }`
	read := when + `Name="m" Value=1`
	bad := func(name, series, reason string) {
		t.Helper()
		f(name, good+`timeseries { `+series+` }`+good, read, "refused: "+reason, read)
	}
	bad("no name", `labels { name: "job" value: "m" } samples { value: 1 `+at+` }`, record.NoMetric)
	bad("no labels", `samples { value: 1 `+at+` }`, record.NoMetric)
	bad("an empty series", ``, record.NoMetric)
	bad("no sample", `labels { name: "__name__" value: "m" }`, NoSample)
	bad("a label twice", `labels { name: "__name__" value: "m" } labels { name: "a" value: "1" } labels { name: "a" value: "2" } samples { value: 1 `+at+` }`, record.TwiceLabel)
	bad("a name twice", `labels { name: "__name__" value: "m" } labels { name: "__name__" value: "n" } samples { value: 1 `+at+` }`, record.TwiceLabel)
	bad("a label without name", `labels { name: "__name__" value: "m" } labels { value: "2" } samples { value: 1 `+at+` }`, record.NoLabelName)
	bad("a long label", `labels { name: "__name__" value: "m" } labels { name: "a" value: "`+strings.Repeat("x", 257)+`" } samples { value: 1 `+at+` }`, record.LongLabelValue)
	bad("a long label name", `labels { name: "__name__" value: "m" } labels { name: "`+strings.Repeat("x", 129)+`" value: "a" } samples { value: 1 `+at+` }`, record.LongLabelName)
	bad("a long name", `labels { name: "__name__" value: "`+strings.Repeat("x", 257)+`" } samples { value: 1 `+at+` }`, record.LongMetric)
	var many strings.Builder
	for i := range 33 {
		fmt.Fprintf(&many, `labels { name: "l%d" value: "v" } `, i)
	}
	bad("many labels", `labels { name: "__name__" value: "m" } `+many.String()+` samples { value: 1 `+at+` }`, record.ManyLabels)
	f("one sample of two out of bounds", `timeseries { labels { name: "__name__" value: "m" } samples { value: 7 timestamp: 1 } samples { value: 1 `+at+` } }`,
		read, "refused: "+record.BadMoment)
}

func TestParseV2(t *testing.T) {
	const symbols = `symbols: "" symbols: "__name__" symbols: "m" symbols: "code" symbols: "500" symbols: "seconds" symbols: "m_sum" `
	f := func(name, series string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			expect(t, ParseV2, v2(t, symbols+series), want)
		})
	}
	const sample = ` samples { value: 3 timestamp: 1788896703280 } `
	const when = `Time=2026-09-08T19:45:03.28Z `
	f("type and unit are told", `timeseries { labels_refs: [1, 2, 3, 4] metadata { type: METRIC_TYPE_COUNTER unit_ref: 5 }`+sample+`}`,
		when+`Name="m" Unit="seconds" Labels={code="500"} Kind=1 Value=3`)
	f("a gauge whatever its name", `timeseries { labels_refs: [1, 6] metadata { type: METRIC_TYPE_GAUGE }`+sample+`}`, when+`Name="m_sum" Value=3`)
	f("the sum of a summary", `timeseries { labels_refs: [1, 6] metadata { type: METRIC_TYPE_SUMMARY }`+sample+`}`, when+`Name="m_sum" Kind=1 Value=3`)
	f("the quantile of a summary", `timeseries { labels_refs: [1, 2] metadata { type: METRIC_TYPE_SUMMARY }`+sample+`}`, when+`Name="m" Value=3`)
	f("no type", `timeseries { labels_refs: [1, 6]`+sample+`}`, when+`Name="m_sum" Kind=1 Value=3`)
	f("exemplars are passed over", `timeseries { labels_refs: [1, 2]`+sample+`exemplars { value: 1 timestamp: 1 } }`, when+`Name="m" Value=3`)
	f("a symbol that is not there", `timeseries { labels_refs: [1, 7]`+sample+`} timeseries { labels_refs: [1, 2]`+sample+`}`, "refused: "+BadSymbol, when+`Name="m" Value=3`)
	f("half a pair", `timeseries { labels_refs: [1, 2, 3]`+sample+`}`, "refused: "+BadSymbol)
}

func TestTheMarkerOfTheEndIsKnownByItsBits(t *testing.T) {
	b := v1(t, `timeseries { labels { name: "__name__" value: "m" } samples { value: 4.25 timestamp: 1788896703280 } }
		timeseries { labels { name: "__name__" value: "h" } histograms { sum: 4.25 timestamp: 1788896703280 } }`)
	var old, stale [8]byte
	binary.LittleEndian.PutUint64(old[:], math.Float64bits(4.25))
	binary.LittleEndian.PutUint64(stale[:], math.Float64bits(staleNaN))
	b = bytes.ReplaceAll(b, old[:], stale[:])
	expect(t, ParseV1, b, []string{`Time=2026-09-08T19:45:03.28Z Name="m" Stale`, `Time=2026-09-08T19:45:03.28Z Name="h" Kind=3 Stale`})
}

func TestNativeHistograms(t *testing.T) {
	f := func(name, histogram string, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			if !strings.HasPrefix(want, "refused") {
				want = `Time=2026-09-08T19:45:03.28Z Name="h" Kind=3 ` + want
			}
			series := `labels { name: "__name__" value: "h" } histograms { timestamp: 1788896703280 ` + histogram + ` }`
			expect(t, ParseV1, v1(t, `timeseries { `+series+` }`), []string{want})
			// The same message in version 2.0, where a float's count must be told as such too.
			series = `labels_refs: [1, 2] histograms { timestamp: 1788896703280 ` + strings.NewReplacer("reset_hint: 3", "reset_hint: RESET_HINT_GAUGE").Replace(histogram) + ` }`
			expect(t, ParseV2, v2(t, `symbols: "" symbols: "__name__" symbols: "h" timeseries { `+series+` }`), []string{want})
		})
	}
	// Schema 0 doubles: bucket 1 is (1, 2], bucket 4 is (8, 16].
	f("integers are deltas", `count_int: 6 sum: 20 schema: 0 positive_spans { offset: 1 length: 2 } positive_spans { offset: 1 length: 1 } positive_deltas: [1, 2, -1]`,
		`Bounds=[1 2 4 8 16] Buckets=[0 1 3 0 2 0] Sum=20 Count=6`)
	f("floats are counts", `count_float: 4.5 sum: 20 schema: 0 positive_spans { offset: 0 length: 2 } positive_counts: [1.5, 3]`,
		`Bounds=[0.5 1 2] Buckets=[0 1.5 3 0] Sum=20 Count=4.5`)
	f("zeros", `count_int: 3 sum: 2 schema: 0 zero_threshold: 0.001 zero_count_int: 2 positive_spans { offset: 1 length: 1 } positive_deltas: [1]`,
		`Bounds=[0.001 1 2] Buckets=[2 0 1 0] Sum=2 Count=3`)
	f("negative ones", `count_int: 4 sum: -1 schema: 0 zero_threshold: 0.5 zero_count_int: 1 negative_spans { offset: 1 length: 2 } negative_deltas: [1, 0] positive_spans { offset: 1 length: 1 } positive_deltas: [1]`,
		`Bounds=[-4 -2 -1 -0.5 0.5 1 2] Buckets=[0 1 1 0 1 0 1 0] Sum=-1 Count=4`)
	f("a coarse schema", `count_int: 1 sum: 7 schema: -2 positive_spans { offset: 1 length: 1 } positive_deltas: [1]`, `Bounds=[1 16] Buckets=[0 1 0] Sum=7 Count=1`)
	f("beyond what a float64 holds", `count_int: 1 sum: 7 schema: -4 positive_spans { offset: 65 length: 1 } positive_deltas: [1]`, `Bounds=[1.7976931348623157e+308] Buckets=[1 0] Sum=7 Count=1`)
	f("nothing yet", `count_int: 0 sum: 0 schema: 3`, `Buckets=[0]`)
	f("custom bounds", `count_int: 5 sum: 2 schema: -53 custom_values: [0.1, 1] positive_spans { offset: 0 length: 3 } positive_deltas: [1, 1, 0]`,
		`Bounds=[0.1 1] Buckets=[1 2 2] Sum=2 Count=5`)
	f("custom bounds, the middle empty", `count_int: 2 sum: 2 schema: -53 custom_values: [0.1, 1] positive_spans { offset: 0 length: 1 } positive_spans { offset: 1 length: 1 } positive_deltas: [1, 0]`,
		`Bounds=[0.1 1] Buckets=[1 0 1] Sum=2 Count=2`)
	f("custom bounds that fall", `count_int: 2 schema: -53 custom_values: [1, 0.1] positive_spans { offset: 0 length: 1 } positive_deltas: [2]`, "refused: "+record.BadBounds)
	f("a bucket beyond the custom bounds", `count_int: 2 schema: -53 custom_values: [1] positive_spans { offset: 2 length: 1 } positive_deltas: [2]`, "refused: "+record.BadBuckets)
	f("a count below zero", `count_int: 2 schema: 0 positive_spans { offset: 2 length: 1 } positive_deltas: [-2]`, "refused: "+record.BadBuckets)
	f("fewer deltas than the spans say", `count_int: 2 schema: 0 positive_spans { offset: 2 length: 2 } positive_deltas: [2]`, "refused: "+record.BadBuckets)
	f("more deltas than the spans say", `count_int: 2 schema: 0 positive_spans { offset: 2 length: 1 } positive_deltas: [2, 2]`, "refused: "+record.BadBuckets)
	f("spans that go back", `count_int: 2 schema: 0 positive_spans { offset: 2 length: 1 } positive_spans { offset: -3 length: 1 } positive_deltas: [2, 2]`, "refused: "+record.BadBuckets)
	f("a span of four thousand million", `count_int: 2 schema: 0 positive_spans { offset: 2 length: 4000000000 } positive_deltas: [2]`, "refused: "+record.ManyBuckets)
	f("another schema", `count_int: 2 schema: 9`, "refused: "+BadSchema)
	f("a gauge's", `count_int: 2 schema: 0 reset_hint: 3`, "refused: "+GaugeHist)
}

func TestHistogramsOfManyBucketsAreMergedAlongTheSameBounds(t *testing.T) {
	text := `timeseries { labels { name: "__name__" value: "h" } histograms { timestamp: 1788896703280 count_int: 1500 schema: 8 positive_spans { offset: -700 length: 1500 } positive_deltas: 1 ` + strings.Repeat("positive_deltas: 0 ", 1499) + ` } }`
	var keep keeper
	ParseV1(pack(v1(t, text)), event.Origin{}, &keep)
	if len(keep.refused) > 0 || len(keep.bounds) == 0 || len(keep.buckets) > record.MaxBuckets || len(keep.buckets) != len(keep.bounds)+1 {
		t.Fatalf("%v, %d bounds, %d buckets", keep.refused, len(keep.bounds), len(keep.buckets))
	}
	total := 0.0
	for _, n := range keep.buckets {
		total += n
	}
	if total != 1500 {
		t.Errorf("%v observations of 1,500", total)
	}
	for _, b := range keep.bounds { // of schema 5, which is what three halvings leave
		if i := math.Log2(b) * 32; math.Abs(i-math.Round(i)) > 1e-9 {
			t.Errorf("%v is no bound of schema 5", b)
		}
	}
}

func TestABodyThatIsNone(t *testing.T) {
	f := func(name string, payload []byte, reason string) {
		t.Helper()
		for _, parse := range []event.Parser{ParseV1, ParseV2} {
			if got := formattest.Read(parse, payload, event.Origin{}); got.String() != "refused at 0: "+reason {
				t.Errorf("%s: %s", name, got)
			}
		}
	}
	f("nothing", nil, NotSnappy)
	f("not packed", []byte("timeseries"), NotSnappy)
	f("not a message", pack([]byte("\xff\xff")), NotProtobuf)
	f("larger than it may be", binary.AppendUvarint(nil, MaxUnpacked+1), TooLarge)
	f("larger than so few bytes can be", append(binary.AppendUvarint(nil, MaxUnpacked), 0), NotSnappy)
}

func TestABodyIsReadUpToWhereItBreaks(t *testing.T) {
	b := v1(t, `timeseries { labels { name: "__name__" value: "m" } samples { value: 1 timestamp: 1788896703280 } }`)
	got := formattest.Read(ParseV1, pack(append(b, b[:len(b)-3]...)), event.Origin{})
	if want := fmt.Sprintf("Time=2026-09-08T19:45:03.28Z Name=\"m\" Value=1\nrefused at %d: %s", len(b), NotProtobuf); got.String() != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestSamplesOfABodyAreCounted(t *testing.T) {
	request := &writev2.Request{Symbols: []string{"", "__name__", "m"}}
	series := &writev2.TimeSeries{LabelsRefs: []uint32{1, 2}}
	for range 1000 {
		series.Samples = append(series.Samples, &writev2.Sample{Value: 1, Timestamp: 1788896703280})
	}
	for range 1001 {
		request.Timeseries = append(request.Timeseries, series)
	}
	b, err := proto.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	v, written, status, err := Check(typeV2, "snappy", "2.0.0", pack(b))
	if v != V2 || written.Samples != MaxSamples || status != 400 || err == nil || !strings.Contains(err.Error(), TooMany) {
		t.Errorf("%v %+v %d %v", v, written, status, err)
	}
}

// keeper keeps the last histogram, and reasons.
type keeper struct {
	record.Nowhere
	bounds, buckets []float64
	refused         []string
}

func (k *keeper) Measurement(m *event.Measurement) {
	k.bounds, k.buckets = append([]float64(nil), m.Bounds...), append([]float64(nil), m.Buckets...)
}
func (k *keeper) Refuse(r event.Refusal) { k.refused = append(k.refused, r.Reason) }

// expect compares what a parser reads of an unpacked body, offsets of refusals apart.
func expect(t *testing.T, parse event.Parser, b []byte, want []string) {
	t.Helper()
	got := formattest.Read(parse, pack(b), event.Origin{}).Lines
	for i, line := range got {
		if strings.HasPrefix(line, "refused at ") {
			_, reason, _ := strings.Cut(line, ": ")
			got[i] = "refused: " + reason
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func FuzzParse(f *testing.F) {
	f.Add(true, []byte(nil))
	f.Add(false, v1(f, `timeseries { labels { name: "__name__" value: "m" } labels { name: "a" value: "b" } samples { value: 1 timestamp: 1788896703280 }
		histograms { timestamp: 1788896703280 count_int: 6 sum: 20 schema: 0 positive_spans { offset: 1 length: 2 } positive_spans { offset: 1 length: 1 } positive_deltas: [1, 2, -1] } }`))
	f.Add(false, v1(f, `timeseries { labels { name: "__name__" value: "m" } histograms { timestamp: 1788896703280 schema: -53 custom_values: [1, 2] positive_spans { length: 3 } positive_counts: [1, 2, 3] } } timeseries { }`))
	f.Add(true, v2(f, `symbols: ["", "__name__", "m", "s"] timeseries { labels_refs: [1, 2] samples { value: 3 timestamp: 1788896703280 } metadata { type: METRIC_TYPE_COUNTER unit_ref: 3 } }
		timeseries { labels_refs: [1, 2] histograms { timestamp: 1788896703280 count_float: 2 negative_spans { offset: -3 length: 2 } negative_counts: [1, 2] zero_count_float: 2 zero_threshold: 0.5 } }`))
	f.Fuzz(func(t *testing.T, second bool, b []byte) {
		version := V1
		if second {
			version = V2
		}
		unpacked := func(payload []byte, _ event.Origin, to event.Sink) {
			r := reader{to: sound{to, t}, version: version}
			r.read(payload)
		}
		formattest.Holds(t, unpacked, b, event.Origin{})
	})
}

// sound fails the test where a measurement breaks what is promised of it.
type sound struct {
	event.Sink
	t *testing.T
}

func (s sound) Measurement(m *event.Measurement) {
	if len(m.Name) == 0 || len(m.Name) > record.MaxMetric || len(m.Labels) > record.MaxLabels || len(m.Buckets) > record.MaxBuckets || m.Time.IsZero() {
		s.t.Fatalf("%+v", m)
	}
	if len(m.Buckets) > 0 && len(m.Buckets) != len(m.Bounds)+1 {
		s.t.Fatalf("%d bounds and %d buckets", len(m.Bounds), len(m.Buckets))
	}
	for i, b := range m.Bounds {
		if !record.Finite(b) || i > 0 && b <= m.Bounds[i-1] {
			s.t.Fatalf("bounds %v", m.Bounds)
		}
	}
	for i, l := range m.Labels {
		if len(l.Name) == 0 || len(l.Value) == 0 || i > 0 && bytes.Compare(l.Name, m.Labels[i-1].Name) <= 0 {
			s.t.Fatalf("labels %s", m.Labels)
		}
	}
	s.Sink.Measurement(m)
}
