package beacon_test

import (
	"fmt"
	"testing"

	"vigie/ingest/beacon"
	"vigie/ingest/formattest"
)

func beaconLine(i int) string {
	return fmt.Sprintf(`{"v":1,"session":"%08x-0a4e-4c39-9f0a-2b6c1f7d9e10","t":178889%04d%03d,"event":"%s","tool":"vigie","channel":"tf1","cdn":"akamai","device":"tv","player":"hls.js 1.7","startupTime":%d,"watchedTime":%d,"playbackStallCount":%d,"playbackStallDuration":%d,"bitsPlayed":%d,"mediaTime":10000,"cdnBytes":%d,"p2pDownBytes":%d,"p2pUpBytes":%d,"peers":%d}`,
		i*40503, i%10000, i%1000, []string{"heartbeat", "playbackStart", "playbackStall"}[i%3], i%4000, 9000+i%1000, i%3, i%900, 32000000+i*977, 3100000+i*13, i*811, i*97, i%12)
}

func BenchmarkParse(b *testing.B) { formattest.Bench(b, beacon.Parse, beaconLine) }

func TestAllocatesNothingPerLine(t *testing.T) { formattest.Steady(t, beacon.Parse, beaconLine) }
