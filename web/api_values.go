package web

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"vigie/cockpit"
)

// The values of the API. What is not known is null: never zero, and never a text that says so.

// jsonNumber is null when it is NaN or infinite.
type jsonNumber float64

var jsonUnknown = jsonNumber(math.NaN())

func (n jsonNumber) known() bool { return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0) }

func (n jsonNumber) MarshalJSON() ([]byte, error) {
	if !n.known() {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(n), 'g', -1, 64), nil
}

// jsonText is null when it is empty.
type jsonText string

func (t jsonText) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(t))
}

// jsonTime is RFC 3339 in UTC, null when it is zero.
type jsonTime time.Time

func (t jsonTime) MarshalJSON() ([]byte, error) { return jsonText(utcText(time.Time(t))).MarshalJSON() }

// utcText is a time as programs read it, empty when it is zero.
func utcText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// apiHealth is a cockpit.Health in a word.
type apiHealth string

var apiHealths = []string{"unknown", "fine", "warning", "critical"}

func newAPIHealth(h cockpit.Health) apiHealth {
	return apiHealth(apiHealths[min(int(h), len(apiHealths)-1)])
}

// ofPanel is a value of a panel: not known when the panel was never read, whatever stands there.
func ofPanel(p *cockpit.Panel, v float64) jsonNumber {
	if p.AsOf.IsZero() {
		return jsonUnknown
	}
	return jsonNumber(v)
}

// ifPositive is for what is zero when it is not told.
func ifPositive(v float64) jsonNumber {
	if v > 0 {
		return jsonNumber(v)
	}
	return jsonUnknown
}

func comparedNumber(c cockpit.Compared) jsonNumber {
	if c.Known {
		return jsonNumber(c.Value)
	}
	return jsonUnknown
}

func jsonNumbers(points []float64) []jsonNumber {
	out := make([]jsonNumber, len(points))
	for i, v := range points {
		out[i] = jsonNumber(v)
	}
	return out
}

// apiList is [] where there is nothing.
func apiList[A, B any](in []A, of func(*A) B) []B {
	out := make([]B, len(in))
	for i := range in {
		out[i] = of(&in[i])
	}
	return out
}
