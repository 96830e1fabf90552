package app

import (
	"math"
	"strconv"

	"vigie/cockpit"
)

// liveOf is what a board says for variables of messages: who watches, who is hit, and how much fails there. What is
// not known is not in it.
func liveOf(b *cockpit.Board, labels map[string]string) map[string]string {
	out := map[string]string{}
	put := func(name string, value float64, known bool) {
		if known && !math.IsNaN(value) && !math.IsInf(value, 0) {
			out[name] = strconv.FormatFloat(value, 'f', -1, 64)
		}
	}
	if isp := labels["isp"]; isp != "" {
		out["isp"] = isp
	}
	if b == nil {
		return out
	}
	put("viewers", b.Viewers.Value, b.Viewers.Known)
	put("error_rate", 100*b.Errors.Value, b.Errors.Known)
	cell, known := cellOf(&b.Matrix, labels["cdn"], labels["isp"])
	switch {
	case known:
		put("viewers_hit", cell.Viewers, true)
		put("error_rate", 100*cell.Errors, true)
	case labels["cdn"] == "" && labels["isp"] == "": // everybody
		put("viewers_hit", b.Viewers.Value, b.Viewers.Known)
	}
	return out
}

// cellOf is what a matrix says of a CDN, of a network, or of both.
func cellOf(m *cockpit.Matrix, cdn, isp string) (cockpit.Cell, bool) {
	if cdn == "" && isp == "" {
		return cockpit.Cell{}, false
	}
	if isp == "" {
		for _, c := range m.Columns {
			if c.ID == cdn {
				return c.Total, true
			}
		}
		return cockpit.Cell{}, false
	}
	for _, row := range m.Rows {
		if row.ISP != isp {
			continue
		}
		if cdn == "" {
			return row.Total, true
		}
		for i, c := range m.Columns {
			if c.ID == cdn && i < len(row.Cells) {
				return row.Cells[i], true
			}
		}
	}
	return cockpit.Cell{}, false
}
