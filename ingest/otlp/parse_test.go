package otlp

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"vigie/ingest/formattest"
	"vigie/ingest/record"
	"vigie/internal/event"
)

const (
	at   = `time_unix_nano: 1788896703280000001 `
	when = `Time=2026-09-08T19:45:03.280000001Z `
)

// one is a request of one resource without attributes.
func one(metrics string) string { return `resource_metrics { scope_metrics { ` + metrics + ` } }` }

func attribute(key, value string) string {
	return `attributes { key: "` + key + `" value { string_value: "` + value + `" } } `
}

// both tries a request in both encodings.
func both(t *testing.T, name, text string, want ...string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Helper()
		expect(t, "protobuf", ParseProto, inProto(t, text), want)
		expect(t, "JSON", ParseJSON, inJSON(t, text), want)
	})
}

// expect compares what a parser reads of a body, offsets of refusals apart.
func expect(t *testing.T, as string, parse event.Parser, b []byte, want []string) {
	t.Helper()
	lines := func(to event.Sink) event.Sink { return sound{to, t} }
	got := formattest.Holds(t, func(payload []byte, from event.Origin, to event.Sink) { parse(payload, from, lines(to)) }, b, event.Origin{}).Lines
	for i, line := range got {
		if strings.HasPrefix(line, "refused at ") {
			_, reason, _ := strings.Cut(line, ": ")
			got[i] = "refused: " + reason
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s: got\n%s\nwant\n%s", as, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestNumbers(t *testing.T) {
	f := func(name, metric string, want ...string) {
		t.Helper()
		both(t, name, one(`metrics { `+metric+` }`), want...)
	}
	const point = `data_points { ` + at + `as_int: 3 } `
	f("a gauge", `name: "queue.length" unit: "{item}" gauge { data_points { `+at+`as_double: 3.5 } }`, when+`Name="queue.length" Unit="{item}" Value=3.5`)
	f("an integer below zero", `name: "m" gauge { data_points { `+at+`as_int: -7 } }`, when+`Name="m" Value=-7`)
	f("a counter", `name: "m" sum { `+point+`aggregation_temporality: 2 is_monotonic: true }`, when+`Name="m" Kind=1 Value=3`)
	f("a delta", `name: "m" sum { `+point+`aggregation_temporality: 1 is_monotonic: true }`, when+`Name="m" Kind=2 Value=3`)
	f("a sum that may fall", `name: "m" sum { `+point+`aggregation_temporality: 2 }`, when+`Name="m" Value=3`)
	f("changes of a sum that may fall", `name: "m" sum { `+point+`aggregation_temporality: 1 }`, "refused: "+FallingDelta)
	f("a sum of no temporality", `name: "m" sum { `+point+`is_monotonic: true }`, "refused: "+NoTemporality)
	f("a sum of another temporality", `name: "m" sum { `+point+`aggregation_temporality: 3 is_monotonic: true }`, "refused: "+NoTemporality)
	f("zero is a value", `name: "m" gauge { data_points { `+at+`as_int: 0 } }`, when+`Name="m"`)
	f("no value", `name: "m" gauge { data_points { `+at+` } }`, "refused: "+NoValue)
	f("not recorded", `name: "m" sum { data_points { `+at+`flags: 1 as_double: 4 } aggregation_temporality: 2 is_monotonic: true }`, when+`Name="m" Kind=1 Stale`)
	f("another flag", `name: "m" gauge { data_points { `+at+`flags: 2 as_double: 4 } }`, when+`Name="m" Value=4`)
	f("NaN and infinity", `name: "m" gauge { data_points { `+at+`as_double: nan } data_points { `+at+`as_double: -inf } }`, when+`Name="m" Value=NaN`, when+`Name="m" Value=-Inf`)
	f("exemplars, start and description are passed over", `name: "m" description: "d" metadata { key: "k" value { string_value: "v" } } gauge { data_points { `+at+`as_int: 3 start_time_unix_nano: 5 exemplars { as_int: 9 time_unix_nano: 7 } } }`, when+`Name="m" Value=3`)
	f("no point", `name: "m" gauge { }`)
	f("no data", `name: "m"`)
	f("a long unit is dropped", `name: "m" unit: "`+strings.Repeat("u", 33)+`" gauge { `+point+`}`, when+`Name="m" Value=3`)
	f("no name, two points", `gauge { `+point+point+`}`, "refused: "+record.NoMetric)
	f("a long name", `name: "`+strings.Repeat("x", 257)+`" gauge { `+point+`}`, "refused: "+record.LongMetric)
	f("a time before 2000", `name: "m" gauge { data_points { time_unix_nano: 1 as_int: 3 } `+point+`}`, "refused: "+record.BadMoment, when+`Name="m" Value=3`)
	f("no time", `name: "m" gauge { data_points { as_int: 3 } }`, "refused: "+record.BadMoment)
	f("a time of 64 bits", `name: "m" gauge { data_points { time_unix_nano: 18446744073709551615 as_int: 3 } }`, "refused: "+record.BadMoment)
	f("an empty point among others", `name: "m" gauge { `+point+`data_points { } `+point+`}`, when+`Name="m" Value=3`, "refused: "+record.BadMoment, when+`Name="m" Value=3`)
}

func TestLabels(t *testing.T) {
	f := func(name, resource, point string, want ...string) {
		t.Helper()
		both(t, name, `resource_metrics { resource { `+resource+` } scope_metrics { scope { name: "s" `+attribute("of.scope", "x")+`} metrics { name: "m" gauge { data_points { `+at+`as_int: 3 `+point+` } } } } }`, want...)
	}
	f("dots become underscores, and labels are sorted", "", attribute("http.route", "/login")+attribute("http.request.method", "GET")+attribute("A-é", "x"),
		when+`Name="m" Labels={A__="x",http_request_method="GET",http_route="/login"} Value=3`)
	f("values that are no text", "", `attributes { key: "i" value { int_value: -200 } } attributes { key: "b" value { bool_value: true } } attributes { key: "d" value { double_value: 0.25 } } attributes { key: "f" value { bool_value: false } }`,
		when+`Name="m" Labels={b="true",d="0.25",f="false",i="-200"} Value=3`)
	f("values that are no label", "", `attributes { key: "a" value { array_value { values { string_value: "x" } } } } attributes { key: "k" value { kvlist_value { values { key: "x" value { int_value: 1 } } } } }
		attributes { key: "y" value { bytes_value: "x" } } attributes { key: "n" } attributes { key: "v" value { } } `+attribute("e", ""), when+`Name="m" Value=3`)
	var all []string
	for _, key := range []string{"service.name", "service.namespace", "service.instance.id", "deployment.environment.name", "k8s.namespace.name", "k8s.pod.name", "k8s.container.name", "host.name", "service.version", "process.pid", "telemetry.sdk.name"} {
		all = append(all, attribute(key, "v"))
	}
	f("those of the resource that tell where", strings.Join(all, ""), "",
		when+`Name="m" Labels={deployment_environment_name="v",host_name="v",k8s_container_name="v",k8s_namespace_name="v",k8s_pod_name="v",service_instance_id="v",service_name="v",service_namespace="v"} Value=3`)
	f("the point's win", attribute("service.name", "front")+attribute("host.name", "a"), attribute("service.name", "login")+attribute("z", "1")+attribute("a", "1"),
		when+`Name="m" Labels={a="1",host_name="a",service_name="login",z="1"} Value=3`)
	f("quotes and line feeds", "", attribute("a", `\"x\\\n\u00e9`), when+`Name="m" Labels={a="\"x\\\né"} Value=3`)

	var many strings.Builder
	for i := range 31 {
		many.WriteString(attribute(fmt.Sprintf("l%02d", i), "v"))
	}
	f("more than 32 with the resource's", attribute("service.name", "s")+attribute("host.name", "h"), many.String(), "refused: "+record.ManyLabels)
	f("more than 32 of the point", "", many.String()+many.String(), "refused: "+record.ManyLabels)
	f("a label twice", "", attribute("a", "1")+attribute("a", "2"), "refused: "+record.TwiceLabel)
	f("a label twice, once written otherwise", "", attribute("a.b", "1")+attribute("a_b", "2"), "refused: "+record.TwiceLabel)
	f("a label without name", "", attribute("", "1"), "refused: "+record.NoLabelName)
	f("a long label name", "", attribute(strings.Repeat("x", 129), "1"), "refused: "+record.LongLabelName)
	f("a long label", "", attribute("x", strings.Repeat("x", 257)), "refused: "+record.LongLabelValue)
	f("a long label of the resource", attribute("service.name", strings.Repeat("x", 257)), "", "refused: "+record.LongLabelValue)
	f("a label of the resource twice", attribute("service.name", "1")+attribute("service.name", "2"), "", "refused: "+record.TwiceLabel)
	f("any other of the resource may be long", attribute("process.command_line", strings.Repeat("x", 9999)), "", when+`Name="m" Value=3`)

	both(t, "each resource has its own", `
		resource_metrics { resource { `+attribute("service.name", "a")+` } scope_metrics { metrics { name: "m" gauge { data_points { `+at+`as_int: 1 } } } } scope_metrics { metrics { name: "n" gauge { data_points { `+at+`as_int: 2 } } } } }
		resource_metrics { scope_metrics { metrics { name: "m" gauge { data_points { `+at+`as_int: 3 } } } } }`,
		when+`Name="m" Labels={service_name="a"} Value=1`, when+`Name="n" Labels={service_name="a"} Value=2`, when+`Name="m" Value=3`)
}

func TestHistograms(t *testing.T) {
	f := func(name, point, want string) {
		t.Helper()
		for kind, temporality := range map[int]string{3: "2", 4: "1"} {
			w := want
			if !strings.HasPrefix(want, "refused") {
				w = when + fmt.Sprintf(`Name="h" Unit="s" Kind=%d `, kind) + want
			}
			both(t, name, one(`metrics { name: "h" unit: "s" histogram { data_points { `+at+point+` } aggregation_temporality: `+temporality+` } }`), w)
		}
	}
	f("explicit bounds", `count: 6 sum: 2.5 bucket_counts: [1, 2, 3] explicit_bounds: [0.1, 1] min: 0.05 max: 2`, `Bounds=[0.1 1] Buckets=[1 2 3] Sum=2.5 Count=6`)
	f("no sum", `count: 1 bucket_counts: [1, 0] explicit_bounds: [0.1]`, `Bounds=[0.1] Buckets=[1 0] Sum=NaN Count=1`)
	f("no buckets", `count: 4 sum: 2`, `Buckets=[4] Sum=2 Count=4`)
	f("one bucket", `count: 4 sum: 2 bucket_counts: [4]`, `Buckets=[4] Sum=2 Count=4`)
	f("not recorded", `flags: 1`, `Stale`)
	f("bounds that fall", `count: 1 bucket_counts: [1, 0, 0] explicit_bounds: [1, 0.1]`, "refused: "+record.BadBounds)
	f("a bound without end", `count: 1 bucket_counts: [1, 0, 0] explicit_bounds: [1, inf]`, "refused: "+record.BadBounds)
	f("too few buckets", `count: 1 bucket_counts: [1] explicit_bounds: [1]`, "refused: "+record.BadBuckets)
	f("bounds without buckets", `count: 1 explicit_bounds: [1]`, "refused: "+record.BadBuckets)
	f("more buckets than are read", `count: 1 bucket_counts: [1`+strings.Repeat(",1", record.MaxRead)+`]`, "refused: "+record.ManyBuckets)
	both(t, "no temporality", one(`metrics { name: "h" histogram { data_points { `+at+`count: 4 } } }`), "refused: "+NoTemporality)
}

func TestExponentialHistograms(t *testing.T) {
	f := func(name, point, want string) {
		t.Helper()
		for kind, temporality := range map[int]string{3: "2", 4: "1"} {
			w := want
			if !strings.HasPrefix(want, "refused") {
				w = when + fmt.Sprintf(`Name="h" Kind=%d `, kind) + want
			}
			both(t, name, one(`metrics { name: "h" exponential_histogram { data_points { `+at+point+` } aggregation_temporality: `+temporality+` } }`), w)
		}
	}
	// Scale 0 doubles: bucket 0 is (1, 2], bucket 3 is (8, 16].
	f("positive ones", `count: 6 sum: 20 scale: 0 positive { offset: 0 bucket_counts: [1, 3, 0, 2] }`, `Bounds=[1 2 4 8 16] Buckets=[0 1 3 0 2 0] Sum=20 Count=6`)
	f("zeros", `count: 3 sum: 2 scale: 0 zero_count: 2 zero_threshold: 0.001 positive { offset: 0 bucket_counts: [1] }`, `Bounds=[0.001 1 2] Buckets=[2 0 1 0] Sum=2 Count=3`)
	f("negative ones", `count: 4 sum: -1 zero_count: 1 zero_threshold: 0.5 negative { bucket_counts: [1, 1] } positive { bucket_counts: 1 }`, `Bounds=[-4 -2 -1 -0.5 0.5 1 2] Buckets=[0 1 1 0 1 0 1 0] Sum=-1 Count=4`)
	f("an offset below zero, a fine scale", `count: 1 scale: 1 positive { offset: -2 bucket_counts: [1] }`, `Bounds=[0.5 0.7071067811865475] Buckets=[0 1 0] Sum=NaN Count=1`)
	f("a coarse scale", `count: 1 sum: 7 scale: -2 positive { offset: 0 bucket_counts: [1] }`, `Bounds=[1 16] Buckets=[0 1 0] Sum=7 Count=1`)
	f("beyond what a float64 holds", `count: 1 sum: 7 scale: -10 positive { offset: 2000000000 bucket_counts: [1] }`, `Bounds=[1.7976931348623157e+308] Buckets=[1 0] Sum=7 Count=1`)
	f("nothing yet", `scale: 20`, `Buckets=[0] Sum=NaN`)
	f("not recorded", `flags: 1`, `Stale`)
	f("a finer scale", `scale: 21`, "refused: "+BadScale)
	f("a coarser scale", `scale: -11`, "refused: "+BadScale)
	f("a threshold below zero", `zero_threshold: -1 zero_count: 1`, "refused: "+record.BadBuckets)
	f("a threshold that is none", `zero_threshold: nan zero_count: 1`, "refused: "+record.BadBuckets)
	f("more buckets than are read", `count: 1 positive { bucket_counts: [1`+strings.Repeat(",1", record.MaxRead)+`] }`, "refused: "+record.ManyBuckets)
}

func TestSummaries(t *testing.T) {
	f := func(name, point string, want ...string) {
		t.Helper()
		both(t, name, one(`metrics { name: "d" unit: "ms" summary { data_points { `+at+point+` } } }`), want...)
	}
	f("count, sum and quantiles", attribute("a", "1")+attribute("z", "1")+`count: 4 sum: 2.5 quantile_values { quantile: 0.5 value: 7 } quantile_values { quantile: 0.99 value: 9 } quantile_values { }`,
		when+`Name="d_count" Labels={a="1",z="1"} Kind=1 Value=4`, when+`Name="d_sum" Unit="ms" Labels={a="1",z="1"} Kind=1 Value=2.5`,
		when+`Name="d" Unit="ms" Labels={a="1",quantile="0.5",z="1"} Value=7`, when+`Name="d" Unit="ms" Labels={a="1",quantile="0.99",z="1"} Value=9`,
		when+`Name="d" Unit="ms" Labels={a="1",quantile="0",z="1"}`)
	f("nothing yet", ``, when+`Name="d_count" Kind=1`, when+`Name="d_sum" Unit="ms" Kind=1`)
	f("not recorded", `flags: 1 count: 3 quantile_values { quantile: 1 value: 7 }`, when+`Name="d_count" Kind=1 Stale`, when+`Name="d_sum" Unit="ms" Kind=1 Stale`, when+`Name="d" Unit="ms" Labels={quantile="1"} Stale`)
	f("a quantile above 1", `quantile_values { quantile: 1.5 value: 7 }`, "refused: "+BadQuantile)
	f("a quantile that is none", `quantile_values { quantile: nan value: 7 }`, "refused: "+BadQuantile)
	f("more quantiles than are read", strings.Repeat(`quantile_values { quantile: 0.5 value: 7 } `, 65), "refused: "+ManyQuantiles)
	f("its label is there already", attribute("quantile", "x")+`quantile_values { quantile: 0.5 value: 7 }`, "refused: "+record.TwiceLabel)
	both(t, "a name with no room behind it", one(`metrics { name: "`+strings.Repeat("x", 251)+`" summary { data_points { `+at+` } } }`), "refused: "+record.LongMetric)
}

func TestHistogramsOfManyBucketsAreMerged(t *testing.T) {
	for name, data := range map[string]string{
		"histogram":             `bucket_counts: [1` + strings.Repeat(",1", 1499) + `] explicit_bounds: [0`,
		"exponential_histogram": `scale: 8 positive { offset: -700 bucket_counts: [1` + strings.Repeat(",1", 1499),
	} {
		if name == "histogram" {
			for i := 1; i < 1499; i++ {
				data += fmt.Sprintf(",%d", i)
			}
			data += "]"
		} else {
			data += "] }"
		}
		text := one(`metrics { name: "h" ` + name + ` { aggregation_temporality: 2 data_points { count: 1500 ` + at + data + ` } } }`)
		for as, read := range map[string]func(to event.Sink){
			"protobuf": func(to event.Sink) { ParseProto(inProto(t, text), event.Origin{}, to) },
			"JSON":     func(to event.Sink) { ParseJSON(inJSON(t, text), event.Origin{}, to) },
		} {
			var keep keeper
			read(sound{&keep, t})
			total := 0.0
			for _, n := range keep.buckets {
				total += n
			}
			if total != 1500 || len(keep.buckets) > record.MaxBuckets || len(keep.buckets) < record.MaxBuckets/2 {
				t.Errorf("%s in %s: %v observations of 1,500 in %d buckets", name, as, total, len(keep.buckets))
			}
		}
	}
}

func TestFieldsMayComeInAnyOrder(t *testing.T) {
	message := func(fields ...[]byte) []byte { return bytes.Join(fields, nil) }
	field := func(number protowire.Number, message []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), message)
	}
	flag := func(number protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), v)
	}
	fixed := func(number protowire.Number, v uint64) []byte {
		return protowire.AppendFixed64(protowire.AppendTag(nil, number, protowire.Fixed64Type), v)
	}
	point := message(fixed(6, 3), fixed(3, 1788896703280000001), field(7, message(field(2, field(1, []byte("v"))), field(1, []byte("a")))))
	metric := message(field(7, message(field(1, point), flag(3, 1), flag(2, 2))), field(3, []byte("s")), field(1, []byte("m")))
	resource := field(1, message(field(1, []byte("service.name")), field(2, field(1, []byte("login")))))
	want := []string{when + `Name="m" Unit="s" Labels={a="v",service_name="login"} Kind=1 Value=3`}
	expect(t, "protobuf", ParseProto, field(1, message(field(2, field(2, metric)), field(1, resource))), want)
	expect(t, "JSON", ParseJSON, []byte(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"dataPoints":[{"asInt":"3","timeUnixNano":"1788896703280000001","attributes":[{"value":{"stringValue":"v"},"key":"a"}]}],
		"isMonotonic":true,"aggregationTemporality":2},"unit":"s","name":"m"}]}],"resource":{"attributes":[{"value":{"stringValue":"login"},"key":"service.name"}]}}]}`), want)

	// Numbers that could be packed need not be.
	doubles := message(fixed(7, math.Float64bits(0.5)), fixed(7, math.Float64bits(1)), fixed(6, 1), fixed(6, 2), fixed(6, 3), fixed(3, 1788896703280000001))
	expect(t, "protobuf", ParseProto, field(1, field(2, field(2, message(field(1, []byte("h")), field(9, message(field(1, doubles), flag(2, 1))))))), []string{when + `Name="h" Kind=4 Bounds=[0.5 1] Buckets=[1 2 3] Sum=NaN`})
	counts := message(field(8, message(flag(2, 1), flag(2, 2))), fixed(3, 1788896703280000001))
	expect(t, "protobuf", ParseProto, field(1, field(2, field(2, message(field(1, []byte("h")), field(10, message(field(1, counts), flag(2, 1))))))), []string{when + `Name="h" Kind=4 Bounds=[1 2 4] Buckets=[0 1 2 0] Sum=NaN`})
}

func TestJSONIsReadAsItsMappingAllows(t *testing.T) {
	f := func(name, data string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			expect(t, "JSON", ParseJSON, []byte(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m",`+data+`}]}]}]}`), want)
		})
	}
	point := func(rest string) string {
		return `"gauge":{"dataPoints":[{"timeUnixNano":"1788896703280000001",` + rest + `}]}`
	}
	f("integers without quotes", `"gauge":{"dataPoints":[{"timeUnixNano":1788896703280000001,"asInt":-3}]}`, when+`Name="m" Value=-3`)
	f("integers as numbers of another kind", point(`"asInt":3e2`), when+`Name="m" Value=300`)
	f("doubles in quotes", point(`"asDouble":"2.5"`), when+`Name="m" Value=2.5`)
	f("doubles that are integers", point(`"asDouble":2`), when+`Name="m" Value=2`)
	f("NaN", point(`"asDouble":"NaN"`), when+`Name="m" Value=NaN`)
	f("infinity", point(`"asDouble":"-Infinity"`), when+`Name="m" Value=-Inf`)
	f("null is not there", point(`"asDouble":2,"attributes":null,"asInt":null,"flags":null,"exemplars":null`)+`,"sum":null,"unit":null`, when+`Name="m" Value=2`)
	f("unknown members", point(`"asDouble":2,"future":{"a":[{"]":"}"}]},"later":[1,"\"]"]`)+`,"also":{}`, when+`Name="m" Value=2`)
	f("white space", "\"gauge\" : \n{ \"dataPoints\"\t: [ { \"timeUnixNano\" : \"1788896703280000001\" , \"asInt\" : \"1\" } ] }", when+`Name="m" Value=1`)
	f("escapes in keys and values", point(`"asDouble":2,"\u0061ttributes":[{"key":"\u0061","value":{"stringValue":"\u00e9\n\ud83d\ude00"}}]`), when+`Name="m" Labels={a="é\n😀"} Value=2`)
	f("enumerations by name", `"sum":{"dataPoints":[{"timeUnixNano":"1788896703280000001","asInt":1}],"isMonotonic":true,"aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA"}`, when+`Name="m" Kind=2 Value=1`)
	f("attribute values in quotes or not", point(`"asDouble":2,"attributes":[{"key":"a","value":{"intValue":"200"}},{"key":"b","value":{"intValue":404}},{"key":"c","value":{"boolValue":true}}]`), when+`Name="m" Labels={a="200",b="404",c="true"} Value=2`)
	f("attribute values that cannot be read", point(`"asDouble":2,"attributes":[{"key":"a","value":{"intValue":"x"}},{"key":"b","value":7},{"key":"c","value":{"stringValue":7}},{"key":"d","value":{"boolValue":"x"}}]`), when+`Name="m" Value=2`)

	bad := func(name, rest string) {
		t.Helper()
		good := `{"timeUnixNano":"1788896703280000001","asInt":1}`
		f(name, `"gauge":{"dataPoints":[`+good+`,{"timeUnixNano":"1788896703280000001",`+rest+`},`+good+`]}`, when+`Name="m" Value=1`, "refused: "+BadPoint, when+`Name="m" Value=1`)
	}
	bad("a value that is none", `"asDouble":"x"`)
	bad("a value strconv alone would read", `"asDouble":"0x10"`)
	bad("a value beyond a float64", `"asDouble":1e999`)
	bad("half an integer", `"asInt":1.5`)
	bad("an integer beyond 64 bits", `"asInt":"9223372036854775808"`)
	bad("a time that is none", `"asInt":1,"timeUnixNano":"2026-09-08"`)
	bad("a time below zero", `"asInt":1,"timeUnixNano":-5`)
	bad("flags that are none", `"asInt":1,"flags":{}`)
	bad("attributes that are no array", `"asInt":1,"attributes":{"a":"b"}`)
	bad("an attribute that is no object", `"asInt":1,"attributes":["a"]`)
	bad("an attribute whose key is no string", `"asInt":1,"attributes":[{"key":7,"value":{"stringValue":"x"}}]`)

	f("a point that is no object", `"gauge":{"dataPoints":[7]}`, "refused: "+BadPoint)
	f("points that are no array", `"gauge":{"dataPoints":7}`, "refused: "+BadMessage)
	f("a gauge that is no object", `"gauge":[]`, "refused: "+BadMessage)
	f("counts that are no array", `"histogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"1788896703280000001","bucketCounts":7}]}`, "refused: "+BadPoint)
	f("a side that is no object", `"exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"1788896703280000001","positive":7}]}`, "refused: "+BadPoint)
	f("an offset beyond 32 bits", `"exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"1788896703280000001","positive":{"offset":4294967296,"bucketCounts":["1"]}}]}`, "refused: "+BadPoint)
	f("quantiles that are no objects", `"summary":{"dataPoints":[{"timeUnixNano":"1788896703280000001","quantileValues":[7]}]}`, "refused: "+BadPoint)
}

func TestABodyThatIsNone(t *testing.T) {
	f := func(name string, parse event.Parser, payload, want string) {
		t.Helper()
		if got := formattest.Read(parse, []byte(payload), event.Origin{}).String(); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	f("nothing", ParseProto, "", "")
	f("nothing", ParseJSON, "", "")
	f("no message", ParseProto, "\xff\xff", "refused at 0: "+NotProtobuf)
	f("an array", ParseJSON, "[]", "refused at 0: "+NotJSON)
	f("cut off", ParseJSON, `{"resourceMetrics":[`, "refused at 0: "+NotJSON)
	f("two", ParseJSON, `{}{}`, "refused at 0: "+NotJSON)
	f("deeper than anybody needs", ParseJSON, `{"a":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+`}`, "refused at 0: "+NotJSON)
	f("an empty object", ParseJSON, ` {} `, "")
	f("no resources", ParseJSON, `{"resourceMetrics":null}`, "")
	f("no array", ParseJSON, `{"resourceMetrics":{}}`, "refused at 19: "+BadMessage)
	f("no objects", ParseJSON, `{"resourceMetrics":[1,[]]}`, "refused at 20: "+BadMessage+"\nrefused at 22: "+BadMessage)
	large := string(make([]byte, MaxUnpacked+1))
	f("too large", ParseProto, large, "refused at 0: "+TooLarge)
	f("too large", ParseJSON, large, "refused at 0: "+TooLarge)
}

func TestABodyIsReadUpToWhereItBreaks(t *testing.T) {
	b := inProto(t, one(`metrics { name: "m" gauge { data_points { `+at+`as_int: 3 } } }`))
	got := formattest.Read(ParseProto, append(b, b[:len(b)-3]...), event.Origin{})
	if want := fmt.Sprintf("%sName=\"m\" Value=3\nrefused at %d: %s", when, len(b), NotProtobuf); got.String() != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	// Inside: the point's last byte is made the beginning of a field that is not there.
	bad := bytes.Clone(b)
	bad[len(bad)-9] = 0xff // the tag of as_int
	for i := len(bad) - 8; i < len(bad); i++ {
		bad[i] = 0xff
	}
	got = formattest.Read(ParseProto, append(bad, b...), event.Origin{})
	if len(got.Refusals) != 1 || got.Refusals[0].Reason != BadPoint || !strings.HasSuffix(got.String(), `Name="m" Value=3`) {
		t.Errorf("%s", got)
	}
	// A resource that is broken costs its own points.
	bad = inProto(t, `resource_metrics { resource { `+attribute("service.name", "login")+` } scope_metrics { metrics { name: "m" gauge { data_points { `+at+`as_int: 3 } } } } }`)
	bad[bytes.Index(bad, []byte("service.name"))-1] = 99
	got = formattest.Read(ParseProto, append(bad, b...), event.Origin{})
	if len(got.Refusals) != 1 || got.Refusals[0].Reason != BadMessage || !strings.HasSuffix(got.String(), `Name="m" Value=3`) {
		t.Errorf("%s", got)
	}
}

func TestRefusalsSayWhere(t *testing.T) {
	body := `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[{"asInt":1},{"asInt":2}]}},{"gauge":{"dataPoints":[{},{}]}}]}]}]}`
	got := formattest.Holds(t, ParseJSON, []byte(body), event.Origin{})
	var records []string
	for _, r := range got.Refusals {
		records = append(records, string(r.Record))
	}
	if want := `{"asInt":1} {"asInt":2} {"gauge":{"dataPoints":[{},{}]}}`; strings.Join(records, " ") != want {
		t.Errorf("%s", records)
	}
}

// keeper keeps the last histogram.
type keeper struct {
	record.Nowhere
	buckets []float64
}

func (k *keeper) Measurement(m *event.Measurement) { k.buckets = append([]float64(nil), m.Buckets...) }

func FuzzParseProto(f *testing.F) {
	for _, text := range corpus {
		f.Add(inProto(f, text))
	}
	f.Fuzz(func(t *testing.T, b []byte) { holds(t, ParseProto, b) })
}

func FuzzParseJSON(f *testing.F) {
	for _, text := range corpus {
		f.Add(inJSON(f, text))
	}
	f.Add([]byte(`{"resourceMetrics":[{"resource":null,"scopeMetrics":[{"metrics":[{"name":"\u0061","gauge":{"dataPoints":[{"asDouble":"NaN","timeUnixNano":1788896703280000001},7]}}]}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) { holds(t, ParseJSON, b) })
}

var corpus = []string{
	``,
	`resource_metrics { resource { ` + attribute("service.name", "login") + `} scope_metrics { metrics { name: "m" unit: "s" sum { data_points { ` + at + `as_int: 3 ` + attribute("a.b", "c") + `} aggregation_temporality: 2 is_monotonic: true } } } }`,
	one(`metrics { name: "h" histogram { data_points { ` + at + `count: 6 sum: 2.5 bucket_counts: [1, 2, 3] explicit_bounds: [0.1, 1] } aggregation_temporality: 1 } }`),
	one(`metrics { name: "e" exponential_histogram { data_points { ` + at + `count: 6 zero_count: 1 zero_threshold: 0.5 scale: 3 positive { offset: -2 bucket_counts: [1, 2] } negative { offset: 7 bucket_counts: 1 } } aggregation_temporality: 2 } }`),
	one(`metrics { name: "s" summary { data_points { ` + at + `count: 6 sum: 2 quantile_values { quantile: 0.5 value: 1 } } } } metrics { gauge { data_points { as_int: 1 } data_points { } } }`),
}

func holds(t *testing.T, parse event.Parser, b []byte) {
	formattest.Holds(t, func(payload []byte, from event.Origin, to event.Sink) { parse(payload, from, sound{to, t}) }, b, event.Origin{})
}

// sound fails the test where a measurement breaks what is promised of it.
type sound struct {
	event.Sink
	t *testing.T
}

func (s sound) Measurement(m *event.Measurement) {
	if len(m.Name) == 0 || len(m.Name) > record.MaxMetric || len(m.Unit) > record.MaxUnit || len(m.Labels) > record.MaxLabels || len(m.Buckets) > record.MaxBuckets || m.Time.IsZero() {
		s.t.Fatalf("%+v", m)
	}
	if len(m.Buckets) > 0 && len(m.Buckets) != len(m.Bounds)+1 || m.Stale && (m.Value != 0 || len(m.Buckets) > 0) {
		s.t.Fatalf("%+v", m)
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
