package record

import "vigie/internal/event"

// Longest texts of a request, in bytes. What is longer is cut: a viewer chooses most of them, and
// one of a megabyte must cost no more than its own line.
const (
	MaxPath    = 8 << 10
	MaxQuery   = 16 << 10
	MaxHeader  = 2 << 10 // user agent, referer
	MaxHost    = 255
	MaxID      = 128
	MaxKeyword = 32 // method, protocol, TLS version, PoP
)

// Bound cuts the texts of r. CMCD's own are bounded where they are read.
func Bound(r *event.Request) {
	r.Path = cut(r.Path, MaxPath)
	r.Query = cut(r.Query, MaxQuery)
	r.UserAgent = cut(r.UserAgent, MaxHeader)
	r.Referer = cut(r.Referer, MaxHeader)
	r.Host = cut(r.Host, MaxHost)
	r.ID = cut(r.ID, MaxID)
	r.Method = cut(r.Method, MaxKeyword)
	r.Protocol = cut(r.Protocol, MaxKeyword)
	r.TLS = cut(r.TLS, MaxKeyword)
	r.PoP = cut(r.PoP, MaxKeyword)
	if len(r.Country) != 2 {
		r.Country = nil
	}
}

func cut(b []byte, most int) []byte {
	if len(b) > most {
		return b[:most]
	}
	return b
}
