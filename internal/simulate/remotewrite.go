package simulate

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/klauspost/compress/snappy"
)

// formatRemoteWrite is Prometheus remote write 1.0: a protobuf message, in snappy's block format.
const formatRemoteWrite = "remote write"

// seriesText are a series' labels, as prometheus.TimeSeries has them on the wire.
type seriesText []byte

// seriesOf lists the series of a backend, in the order in which write gives their values.
func seriesOf(b *Backend, instances string) []seriesText {
	target := []string{"instance", b.Name + "-" + instances + ":9100", "job", b.Name}
	series := func(name, label, value string) seriesText {
		// Labels are sorted by name, as the specification asks for.
		labels := []string{"__name__", name}
		if label != "" && label < "instance" {
			labels = append(append(labels, label, value), target...)
		} else {
			labels = append(labels, target...)
			if label != "" {
				labels = append(labels, label, value)
			}
		}
		var text seriesText
		for i := 0; i < len(labels); i += 2 {
			one := appendBytes(appendBytes(nil, 1, labels[i]), 2, labels[i+1])
			text = appendBytes(text, 1, string(one))
		}
		return text
	}
	var all []seriesText
	for _, code := range backendCodes {
		all = append(all, series("http_requests_total", "code", code))
	}
	for _, edge := range backendEdges {
		all = append(all, series("http_request_duration_seconds_bucket", "le", strconv.FormatFloat(edge, 'g', -1, 64)))
	}
	all = append(all,
		series("http_request_duration_seconds_bucket", "le", "+Inf"),
		series("http_request_duration_seconds_sum", "", ""),
		series("http_request_duration_seconds_count", "", ""),
		series("k8s_container_cpu_limit_utilization_ratio", "k8s_container_name", b.Name))
	if b.Connections > 0 {
		all = append(all, series("hikaricp_connections_max", "pool", b.Name), series("hikaricp_connections_active", "pool", b.Name))
	}
	return all
}

// write appends a sample of each series of a backend to a prometheus.WriteRequest. Counters are whole
// numbers.
func (t *targets) write(dst []byte, backend int, millis int64) []byte {
	n, series := &t.counted[backend], t.series[backend]
	next := 0
	put := func(v float64) {
		var sample [24]byte
		s := append(sample[:0], 1<<3|1)
		s = binary.LittleEndian.AppendUint64(s, math.Float64bits(v))
		s = append(s, 2<<3)
		s = binary.AppendUvarint(s, uint64(millis))
		labels := series[next]
		dst = binary.AppendUvarint(append(dst, 1<<3|2), uint64(len(labels)+2+len(s)))
		dst = append(dst, labels...)
		dst = append(append(dst, 2<<3|2, byte(len(s))), s...)
		next++
	}
	for _, v := range n.codes {
		put(math.Floor(v))
	}
	for _, v := range n.timed {
		put(math.Floor(v))
	}
	put(n.seconds)
	put(math.Floor(n.timed[len(backendEdges)]))
	put(n.processor)
	if c := t.cast.scenario.Backends[backend].Connections; c > 0 {
		put(float64(c))
		put(n.pool)
	}
	return dst
}

// appendBytes writes a field of protobuf's wire type 2.
func appendBytes(dst []byte, field byte, text string) []byte {
	dst = binary.AppendUvarint(append(dst, field<<3|2), uint64(len(text)))
	return append(dst, text...)
}

func packSnappy(message []byte) []byte { return snappy.Encode(nil, message) }
