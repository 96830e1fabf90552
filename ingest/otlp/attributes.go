package otlp

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"vigie/ingest/record"
	"vigie/internal/event"
)

// where are the attributes of a resource that become labels of its points: what service it is,
// which of its instances, and where that runs. Others (versions, process, SDK) would make a new
// series with each deployment, and say nothing that a rule asks for.
func where(key []byte) bool {
	switch string(key) {
	case "service.name", "service.namespace", "service.instance.id", "deployment.environment.name",
		"k8s.namespace.name", "k8s.pod.name", "k8s.container.name", "host.name":
		return true
	}
	return false
}

// attributes become labels. Those of a resource are filtered.
type attributes struct {
	labels   []event.Label
	text     []byte // names and values that had to be written anew
	resource bool
}

func (a *attributes) reset() { a.labels, a.text = a.labels[:0], a.text[:0] }

// add adds an attribute. One without a value, or with one that is no text, bool or number, is none.
func (a *attributes) add(key, value []byte) (reason string) {
	switch {
	case len(value) == 0 || a.resource && !where(key):
		return ""
	case len(key) > record.MaxLabelName:
		return record.LongLabelName
	case len(a.labels) == record.MaxLabels:
		return record.ManyLabels
	}
	a.labels = append(a.labels, event.Label{Name: a.name(key), Value: value})
	return ""
}

// name writes a label's name with an underscore for whatever is no letter or digit of ASCII.
func (a *attributes) name(key []byte) []byte {
	i := 0
	for i < len(key) && plain(key[i]) {
		i++
	}
	if i == len(key) {
		return key
	}
	start := len(a.text)
	a.text = append(a.text, key[:i]...)
	for i < len(key) {
		c, n := key[i], 1
		if !plain(c) {
			_, n = utf8.DecodeRune(key[i:])
			c = '_'
		}
		a.text = append(a.text, c)
		i += n
	}
	return a.text[start:]
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c == '_' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// Values as texts.

func (a *attributes) bool(v bool) []byte {
	start := len(a.text)
	a.text = strconv.AppendBool(a.text, v)
	return a.text[start:]
}

func (a *attributes) int(v int64) []byte {
	start := len(a.text)
	a.text = strconv.AppendInt(a.text, v, 10)
	return a.text[start:]
}

func (a *attributes) double(v float64) []byte {
	start := len(a.text)
	a.text = strconv.AppendFloat(a.text, v, 'g', -1, 64)
	return a.text[start:]
}

// merge appends two sorted sets of labels as one; where both have a name, the first has it.
func merge(to, own, shared []event.Label) []event.Label {
	for len(own) > 0 && len(shared) > 0 {
		switch order := bytes.Compare(own[0].Name, shared[0].Name); {
		case order < 0:
			to, own = append(to, own[0]), own[1:]
		case order > 0:
			to, shared = append(to, shared[0]), shared[1:]
		default:
			shared = shared[1:]
		}
	}
	return append(append(to, own...), shared...)
}
