package tape

import (
	"slices"

	"vigie/alerts/signal"
	"vigie/internal/match"
)

// capacity is traffic against what the match's file reserves: of whole CDNs, or of them to one network. Only
// groups with a reserve are there.
type capacity struct {
	*sums
	by    []string
	where map[string]string
	of    []reserved
	seen  *match.Match
}

type reserved struct {
	text   []string
	series int // of the sums; -1: no traffic yet
}

func (r *reader) capacity(by []string, where map[string]string) shown {
	s, _ := signal.Find("traffic")
	of, ok := r.sums(s, by, where).(*sums)
	if !ok {
		return nil
	}
	of.peers = nil
	return &capacity{sums: of, by: by, where: where}
}

// learn adds the groups that the match of now has reserves for.
func (c *capacity) learn() {
	m := c.r.clock.match
	if m == nil || m == c.seen {
		return
	}
	c.seen = m
	network := slices.Contains(c.by, "isp") || c.where["isp"] != ""
	for _, r := range m.Capacity {
		if (r.ISP != "") != network || c.where["cdn"] != "" && c.where["cdn"] != r.CDN || c.where["isp"] != "" && c.where["isp"] != r.ISP {
			continue
		}
		text := []string{}
		for _, dim := range c.by {
			if dim == "cdn" {
				text = append(text, r.CDN)
			} else {
				text = append(text, r.ISP)
			}
		}
		if !slices.ContainsFunc(c.of, func(of reserved) bool { return slices.Equal(of.text, text) }) {
			c.of = append(c.of, reserved{text, -1})
		}
	}
}

func (c *capacity) groups() int {
	c.learn()
	return len(c.of)
}

func (c *capacity) values(i int) []string { return c.of[i].text }

func (c *capacity) index(values []string) int {
	c.learn()
	return slices.IndexFunc(c.of, func(of reserved) bool { return slices.Equal(of.text, values) })
}

// series is the sums' of a group; -1: there is no traffic yet.
func (c *capacity) series(i int) int {
	if c.of[i].series < 0 {
		c.of[i].series = c.sums.index(c.of[i].text)
	}
	return c.of[i].series
}

func (c *capacity) edge(i int) edge {
	cdn := c.where["cdn"]
	if d := slices.Index(c.by, "cdn"); d >= 0 {
		cdn = c.of[i].text[d]
	}
	e := c.r.edgesOf(c.g.family)
	if cdn == "" {
		return e.logs
	}
	return e.of(c.r.st.id(cdn))
}

func (c *capacity) last(i int) int64 {
	if s := c.series(i); s >= 0 {
		return c.sums.last(s)
	}
	return 0
}

// bits is what is reserved for a group now; 0: nothing.
func (c *capacity) bits(i int) (all float64) {
	m := c.r.clock.match
	if m == nil {
		return 0
	}
	cdn, isp := c.where["cdn"], c.where["isp"]
	for d, dim := range c.by {
		if dim == "cdn" {
			cdn = c.of[i].text[d]
		} else {
			isp = c.of[i].text[d]
		}
	}
	for _, r := range m.Capacity {
		if (cdn == "" || r.CDN == cdn) && r.ISP == isp {
			all += r.Bits
		}
	}
	return all
}

func (c *capacity) window(i int, from, to, base int64) (value, sample float64) {
	s := c.series(i)
	if s < 0 {
		return nan, nan
	}
	value, sample = c.sums.window(s, from, to, base)
	return ratio(value, c.bits(i)), sample
}

func (c *capacity) slot(i int, slot, base int64) float64 {
	s := c.series(i)
	if s < 0 {
		return nan
	}
	return ratio(c.sums.slot(s, slot, base), c.bits(i))
}
