package cockpit

import (
	"log/slog"
	"math"
	"testing"
	"time"

	"vigie/internal/watermark"
)

func TestTheMeshAndWhatFallsBackWithoutIt(t *testing.T) {
	c, err := New(Config{
		CDNs:    []CDN{{ID: "a", Name: "A"}, {ID: "b", Name: "B"}, {ID: "idle", Name: "Idle"}},
		Sources: []SourceInfo{{ID: "swarm"}, {ID: "other"}},
		Log:     slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(10_000, 0)
	end := slotOf(now)
	c.whole.history.begin(end-20, end)
	c.whole.history.replace(end-20, blank(21))
	for s := end - 20; s < end; s++ {
		sl := c.whole.history.at(s)
		sl.requests[cellKey{"a", "Orange"}] = &sent{lines: 100, bytes: 3000}
		sl.requests[cellKey{"b", "Free"}] = &sent{lines: 100, bytes: 1000}
		sl.experience[toolKey{"swarm", "a", "Orange"}] = &experienced{lines: 30, cdnBytes: 300, peerBytes: 100, uploaded: 40}
		sl.experience[toolKey{"swarm", "b", "Free"}] = &experienced{lines: 30, cdnBytes: 100, peerBytes: 300, uploaded: 400}
		sl.experience[toolKey{"swarm", "", "Free"}] = &experienced{lines: 30, peerBytes: 40}
		sl.experience[toolKey{"other", "a", "Orange"}] = &experienced{lines: 30, cdnBytes: 900, peerBytes: 90} // the same mesh, seen by fewer
		sl.settle()
	}
	c.whole.moment = &moment{now: now, marks: watermark.Marks{CDNs: c.marks.CDNs}}
	c.whole.marks.Now, c.whole.marks.Frontier = now, now
	c.whole.marks.Sources = map[string]*watermark.Source{"swarm": {Received: now, Known: true}, "other": {Received: now, Known: true}}
	m := c.whole.mesh()
	const bits = 8.0 / 10 // of bytes in a slot
	if m.Tool != "swarm" || m.Bits != 440*bits || m.Offload != 440.0/840 {
		t.Errorf("%s: %v bit/s, offload %v", m.Tool, m.Bits, m.Offload)
	}
	if len(m.Networks) != 2 || m.Networks[0] != (MeshNetwork{"Free", 340 * bits, 400 * bits, 340.0 / 440}) || m.Networks[1] != (MeshNetwork{"Orange", 100 * bits, 40 * bits, 0.25}) {
		t.Errorf("networks: %+v", m.Networks)
	}
	// What nobody knows the CDN of, 40 bytes, is shared three to one, as the CDNs' traffic is.
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }
	if len(m.Fallback) != 3 || !near(m.Fallback[0].More, 130*bits) || !near(m.Fallback[1].More, 310*bits) || m.Fallback[0].Now != 3000*bits {
		t.Errorf("fallback: %+v", m.Fallback)
	}
	if f := m.Fallback[2]; f.More != 0 || !math.IsNaN(f.Now) {
		t.Errorf("a CDN without traffic: %+v", f)
	}

	for s := end - 20; s < end; s++ {
		for _, e := range c.whole.history.at(s).experience {
			e.peerBytes, e.uploaded = 0, 0
		}
	}
	if m := c.whole.mesh(); m.Tool != "" || !math.IsNaN(m.Offload) {
		t.Errorf("without a mesh: %+v", m)
	}
}
