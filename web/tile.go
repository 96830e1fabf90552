package web

import (
	"math"
	"strconv"
	"strings"
	"time"

	"vigie/cockpit"
	"vigie/internal/match"
)

// tileView is one of the five numbers.
type tileView struct {
	headView
	Name, Value, Unit string
	Health            healthView
	Against           []againstView // what it is held against: never beside a number that lacks a part
	Without           string        // which part it lacks
	Note              string
	Short             string // what the number is, in few words
	Samples           string
	Few               bool
	Spark             sparkView
}

// againstView is a number's deviation from another: +6 % forecast.
type againstView struct{ Value, Note string }

// numeral is how one of the five numbers is written and held against others.
type numeral struct {
	name    string
	n       cockpit.Number
	write   func(float64) quantity
	against func(value, other float64) string
	samples string
	note    string
}

func newTiles(k look) []tileView {
	b := k.board
	percent := func(v, other float64) string {
		if other <= 0 {
			return ""
		}
		return k.signed((v/other-1)*100, 0) + k.percent + "%"
	}
	factor := func(v, other float64) string {
		if other <= 0 {
			return ""
		}
		return k.times(v / other)
	}
	difference := func(v, other float64) string { return k.signed(v-other, 2) + k.unit + "s" }
	var oneIn, slowest string
	if b.Errors.Known && b.Errors.Value > 0 {
		oneIn = k.T("errors.one_in", "n", k.about(1/b.Errors.Value))
	}
	if b.Startup.Known && b.Startup.P95 > 0 {
		slowest = k.T("startup.p95", "value", k.seconds(b.Startup.P95).String())
	}
	return []tileView{
		newTile(k, numeral{"viewers", b.Viewers, k.count, percent, "samples.sessions", ""}),
		newTile(k, numeral{"traffic", b.Traffic, k.bits, percent, "samples.requests", ""}),
		newTile(k, numeral{"errors", b.Errors, k.ratio, factor, "samples.requests", oneIn}),
		newTile(k, numeral{"startup", b.Startup, k.seconds, difference, "samples.starts", slowest}),
		newTile(k, numeral{"rebuffering", b.Rebuffering, k.ratio, factor, "samples.sessions", ""}),
	}
}

func newTile(k look, t numeral) tileView {
	n := t.n
	v := tileView{
		headView: headView{
			ID: "tile-" + t.name, Title: k.T(t.name + ".label"), Definition: k.define(t.name + ".definition"), CSV: k.csv("numbers"),
			Age: newAge(k.locale, k.board, n.Panel, 35*time.Second), Error: panelError(k.locale, n.Panel),
		},
		Name: t.name, Short: k.T(t.name + ".short"), Health: newHealth(k.locale, n.Health), Note: t.note,
		Samples: k.T(t.samples, "n", k.about(float64(n.Samples))), Spark: newSpark(n.Spark, n.Solid, 300, 40),
	}
	if !n.Known || math.IsNaN(n.Value) {
		v.Value, v.Health = missing, newHealth(k.locale, cockpit.HealthUnknown)
		return v
	}
	q := t.write(n.Value)
	v.Value, v.Unit = q.Value, q.Unit
	if n.Few {
		v.Few, v.Health = true, newHealth(k.locale, cockpit.HealthUnknown)
		v.Health.Word = k.T("tile.few")
		return v
	}
	if len(n.Without) > 0 { // a part against the whole would look like a fall
		v.Without = k.T("tile.without", "names", without(n.Without))
		return v
	}
	v.Against = newAgainst(k, n, t.against)
	return v
}

// without names those that are silent, the first two of many.
func without(names []string) string {
	const most = 2
	text := make([]string, 0, most+1)
	for i, name := range names {
		if i == most {
			text = append(text, "+"+strconv.Itoa(len(names)-most))
			break
		}
		text = append(text, foreign(name, 20))
	}
	return strings.Join(text, ", ")
}

// newAgainst holds a number against the forecast, the earlier match and what is reserved; where there
// is neither of the first two, against itself ten minutes ago.
func newAgainst(k look, n cockpit.Number, say func(value, other float64) string) []againstView {
	var views []againstView
	add := func(text, note string) {
		if text != "" {
			views = append(views, againstView{text, note})
		}
	}
	usable := func(c cockpit.Compared) bool { return c.Known && !math.IsNaN(c.Value) && !math.IsInf(c.Value, 0) }
	if usable(n.Forecast) {
		add(say(n.Value, n.Forecast.Value), k.T("tile.forecast"))
	}
	if !usable(n.Forecast) && !usable(n.Earlier) && n.Compare && !math.IsNaN(n.Before) {
		add(say(n.Value, n.Before), k.T("tile.before"))
	}
	if usable(n.Reserved) && n.Reserved.Value > 0 {
		add(k.share(n.Value/n.Reserved.Value).String(), k.T("tile.reserved"))
	}
	if usable(n.Earlier) {
		add(say(n.Value, n.Earlier.Value), earlierMoment(k))
	}
	return views
}

// earlierName is what the room calls the earlier match, as short as a tile is.
func earlierName(k look) string {
	if k.board.Earlier.Name == "" {
		return k.T("tile.earlier")
	}
	return foreign(k.board.Earlier.Name, 24)
}

// earlierMoment adds the minute, where both matches are at the same one.
func earlierMoment(k look) string {
	m := k.board.Match
	if from, to := m.Phase.Minutes(); to > from && k.board.Earlier.Align == match.Phase("") {
		return earlierName(k) + " " + minuteText(m.Minute, m.Added)
	}
	return earlierName(k)
}

// sparkView is a small line as two SVG paths: what is complete, and what is not yet.
type sparkView struct {
	Box           string
	Solid, Dotted string
}

// newSpark fits points into width × height. The first solid ones are complete and give the scale: what is
// not complete yet falls to nothing, and would flatten them. A flat line, or one that hardly moves (by
// less than a hundredth), runs through the middle instead of looking dramatic.
func newSpark(points []float64, solid int, width, height float64) sparkView {
	v := sparkView{Box: "0 0 " + strconv.Itoa(int(width)) + " " + strconv.Itoa(int(height))}
	solid = min(max(solid, 0), len(points))
	low, high := math.Inf(1), math.Inf(-1)
	scale := func(points []float64) {
		for _, p := range points {
			if !math.IsNaN(p) {
				low, high = min(low, p), max(high, p)
			}
		}
	}
	if scale(points[:solid]); low > high {
		scale(points)
	}
	if len(points) < 2 || low > high {
		return v
	}
	if least := math.Abs(high) / 100; high-low < least {
		middle := (high + low) / 2
		low, high = middle-least, middle+least
	}
	if high == low {
		low, high = low-1, high+1
	}
	const margin = 2
	path := func(from, to int) string {
		var d []byte
		pen := byte('M')
		for i := max(0, from); i < to; i++ {
			if math.IsNaN(points[i]) {
				pen = 'M'
				continue
			}
			d = append(d, pen)
			d = strconv.AppendFloat(d, float64(i)/float64(len(points)-1)*width, 'f', 0, 64)
			d = append(d, ' ')
			d = strconv.AppendFloat(d, height-margin-min(max((points[i]-low)/(high-low), 0), 1)*(height-2*margin), 'f', 1, 64)
			pen = 'L'
		}
		return string(d)
	}
	v.Solid = path(0, solid)
	if solid < len(points) {
		v.Dotted = path(solid-1, len(points)) // from the last complete point on, so that they meet
	}
	return v
}
