package otlp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"vigie/ingest/record"
	"vigie/internal/event"
)

func TestCheckSaysWhatToAnswer(t *testing.T) {
	whole := one(`metrics { name: "m" gauge { data_points { ` + at + `as_int: 3 } data_points { ` + at + `as_int: 3 } } } metrics { name: "d" summary { data_points { ` + at + `quantile_values { quantile: 1 } } } }`)
	half := one(`metrics { name: "m" gauge { data_points { ` + at + `as_int: 3 } data_points { ` + at + ` } data_points { as_int: 3 } } } metrics { gauge { data_points { } data_points { } } }`)
	none := one(`metrics { name: "m" gauge { data_points { as_int: 3 } } }`)
	f := func(name, contentType string, body []byte, want Result, status int, message string) {
		t.Helper()
		got, gotStatus, err := Check(contentType, body)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != want || gotStatus != status || !strings.Contains(text, message) || (text == "") != (status == 200) {
			t.Errorf("%s: %+v %d %q", name, got, gotStatus, text)
		}
	}
	const why = record.NoMetric + " (2); " + NoValue + " (1); " + record.BadMoment + " (1)"
	f("protobuf", typeProto, inProto(t, whole), Result{Points: 3}, 200, "")
	f("JSON", "application/json; charset=utf-8", inJSON(t, whole), Result{JSON: true, Points: 3}, 200, "")
	f("partly", typeProto, inProto(t, half), Result{Points: 1, Rejected: 4, Why: why}, 200, "")
	f("partly, JSON", typeJSON, inJSON(t, half), Result{JSON: true, Points: 1, Rejected: 4, Why: why}, 200, "")
	f("not at all", "Application/X-Protobuf", inProto(t, none), Result{Rejected: 1, Why: record.BadMoment + " (1)"}, 200, "")
	f("nothing in it", typeProto, nil, Result{}, 200, "")
	f("nothing in it, JSON", typeJSON, []byte("{}"), Result{JSON: true}, 200, "")
	f("cut off", typeProto, inProto(t, whole)[:20], Result{}, 400, NotProtobuf)
	f("cut off, JSON", typeJSON, inJSON(t, whole)[:20], Result{JSON: true}, 400, NotJSON)
	f("JSON that is none", typeJSON, nil, Result{JSON: true}, 400, NotJSON)
	f("JSON of something else", typeJSON, []byte(`{"resourceMetrics":"x"}`), Result{JSON: true}, 400, BadMessage)
	f("protobuf of something else", typeProto, []byte("\x0a\x03\x0a\x01\xff"), Result{}, 400, BadMessage)
	f("JSON as protobuf", typeProto, inJSON(t, whole), Result{}, 400, NotProtobuf)
	f("another type", "text/plain", []byte("{}"), Result{}, 415, "text/plain")
	f("no type", "", []byte("{}"), Result{}, 415, "Content-Type")
	f("too large", typeProto, make([]byte, MaxUnpacked+1), Result{}, 413, TooLarge)
	f("too large, JSON", typeJSON, make([]byte, MaxUnpacked+1), Result{JSON: true}, 413, TooLarge)
}

func TestPointsOfABodyAreBounded(t *testing.T) {
	point := protowire.AppendFixed64(protowire.AppendTag(nil, 3, protowire.Fixed64Type), 1788896703280000001)
	point = protowire.AppendFixed64(protowire.AppendTag(point, 6, protowire.Fixed64Type), 3)
	f := func(name string, point []byte, points int, rejected string, refusals int) {
		t.Helper()
		const n = MaxPoints + 500
		message := bytes.Repeat(protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), point), n)
		for _, number := range []protowire.Number{5, 2, 2, 1} { // gauge, metrics, scope_metrics, resource_metrics
			message = protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), message)
			if number == 5 {
				message = protowire.AppendString(protowire.AppendTag(message, 1, protowire.BytesType), "m")
			}
		}
		r, status, err := Check(typeProto, message)
		if status != 200 || err != nil || r.Points != points || r.Rejected != n-points || r.Why != rejected {
			t.Errorf("%s: %+v %d %v", name, r, status, err)
		}
		var c counter
		ParseProto(message, event.Origin{}, &c)
		if c.measurements != points || c.refusals != refusals {
			t.Errorf("%s: %d measurements, %d refusals", name, c.measurements, c.refusals)
		}
	}
	f("that can be stored", point, MaxPoints, TooMany+" (500)", 1)
	f("that cannot", nil, 0, fmt.Sprintf("%s (%d); %s (500)", record.BadMoment, MaxPoints, TooMany), MaxPoints+1)
}

type counter struct {
	record.Nowhere
	measurements, refusals int
}

func (c *counter) Measurement(*event.Measurement) { c.measurements++ }
func (c *counter) Refuse(event.Refusal)           { c.refusals++ }
