package explain

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"vigie/internal/event"
)

// capture is a sink that keeps what it is given as text.
type capture struct {
	records  []captured
	refusals []string
}

type captured struct {
	kind   string
	fields []shown
}

// shown is one field of a record.
type shown struct {
	name, value string
	is          standing
}

type standing uint8

const (
	missing standing = iota
	zero             // a value, or none: only the sender's text tells
	told
)

// maxCaptured bounds the records that one piece is shown with; the rest are counted.
const maxCaptured = 10_000

func (c *capture) add(kind string, of any) {
	r := captured{kind: kind}
	if len(c.records) < maxCaptured {
		r.fields = flatten(nil, "", reflect.ValueOf(of))
	}
	c.records = append(c.records, r)
}

func (c *capture) Request(r *event.Request)         { c.add("request", *r) }
func (c *capture) Beacon(b *event.Beacon)           { c.add("beacon", *b) }
func (c *capture) Measurement(m *event.Measurement) { c.add("measurement", *m) }
func (c *capture) Refuse(r event.Refusal)           { c.refusals = append(c.refusals, r.Reason) }

// flatten lists the fields of a record; those of CMCD behind its name.
func flatten(to []shown, prefix string, v reflect.Value) []shown {
	for i := range v.NumField() {
		name, f := prefix+v.Type().Field(i).Name, v.Field(i)
		if media, ok := f.Interface().(event.CMCD); ok {
			to = flatten(to, "CMCD.", reflect.ValueOf(media))
			continue
		}
		value, is := show(f)
		to = append(to, shown{name, value, is})
	}
	return to
}

func show(f reflect.Value) (string, standing) {
	when := func(ok bool) standing {
		if ok {
			return told
		}
		return missing
	}
	orZero := func(set bool) standing {
		if set {
			return told
		}
		return zero
	}
	switch x := f.Interface().(type) {
	case []byte:
		return string(x), when(len(x) > 0)
	case time.Time:
		return x.Format(time.RFC3339Nano), when(!x.IsZero())
	case time.Duration:
		if x == event.Unknown {
			return "", missing
		}
		if x == 0 {
			return "0", zero
		}
		return x.String(), told
	case netip.Addr:
		return x.String(), when(x.IsValid())
	case event.Cache:
		return x.String(), when(x != event.CacheUnknown)
	case event.BeaconEvent:
		return x.String(), told
	case event.PlayerState:
		states := [...]string{"", "starting", "playing", "rebuffering", "idle", "over"}
		if int(x) >= len(states) {
			return fmt.Sprint(uint8(x)), told
		}
		return states[x], when(x != event.StateUntold)
	case event.MeasurementKind:
		kinds := [...]string{"gauge", "counter", "delta", "histogram", "histogram delta"}
		return kinds[min(int(x), len(kinds)-1)], told
	case bool:
		if x {
			return "yes", told
		}
		return "no", zero
	case []event.Label:
		var all []string
		for _, l := range x {
			all = append(all, fmt.Sprintf("%s=%s", l.Name, l.Value))
		}
		return strings.Join(all, " "), when(len(x) > 0)
	case []float64:
		return strings.Trim(fmt.Sprint(x), "[]"), when(len(x) > 0)
	}
	return fmt.Sprint(f.Interface()), orZero(!f.IsZero())
}
