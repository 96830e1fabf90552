package simulate

import (
	"testing"
	"time"
)

// BenchmarkEncode measures one format's lines, already drawn.
func BenchmarkEncode(b *testing.B) {
	m := newMatch(b, nil)
	sec := m.WallTime(10 * time.Minute).Unix()
	at := newStamp(sec)
	lines := m.cast.lines(nil, sec, 1, nil)
	for _, format := range []string{formatAkamai, formatNDJSON, formatNginx} {
		b.Run(format, func(b *testing.B) {
			enc := encoderOf(format)
			var buf []byte
			for _, l := range lines {
				buf = enc(m.cast, buf, &at, &l)
			}
			b.SetBytes(int64(len(buf) / len(lines)))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				buf = enc(m.cast, buf[:0], &at, &lines[i%len(lines)])
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
	b.Run(formatBeacon, func(b *testing.B) {
		beats := m.cast.beats(nil, sec, 1, nil)
		buf := m.cast.beacon(nil, &at, &beats[0])
		b.SetBytes(int64(len(buf)))
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			buf = m.cast.beacon(buf[:0], &at, &beats[i%len(beats)])
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
	})
}

// BenchmarkSecond measures whole seconds at the peak: draws, encoding and the batches' gzip.
func BenchmarkSecond(b *testing.B) {
	m := newMatch(b, nil)
	from := m.WallTime(10 * time.Minute).Unix()
	var lines []line
	var beats []beat
	parcels := make([]parcel, len(m.cfg.Scenario.CDNs))
	tools := make([]parcel, len(m.cfg.Scenario.Tools))
	n := 0
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		sec := from + i%600
		at := newStamp(sec)
		w := m.cast.weather(m.current(), sec)
		lines = m.cast.lines(lines[:0], sec, 1, w)
		for j := range lines {
			l := &lines[j]
			p, format := &parcels[l.cdn], m.cfg.Scenario.CDNs[l.cdn].Format
			if p.line(m.cast, encoderOf(format), &at, l, 1); p.lines >= historyLines {
				p.seal(format, "source", 1, time.Time{})
			}
		}
		beats = m.cast.beats(beats[:0], sec, 1, w)
		for j := range beats {
			p := &tools[beats[j].tool]
			if p.beat(m.cast, &at, &beats[j], 1); p.lines >= historyBeats {
				p.seal(formatBeacon, "source", 1, time.Time{})
			}
		}
		n += len(lines) + len(beats)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "lines/s")
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newMatch(b, nil)
	}
}
