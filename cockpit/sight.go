package cockpit

import (
	"errors"

	"vigie/internal/match"
)

// Sight is what a screen looks at: everything, live, when it is the zero value; else a part of it, or a
// stretch of the past, or both. It is comparable, and stands in an address as a whole, so that a
// link shows another person the same.
type Sight struct {
	Scope   Scope
	Compare bool  // Beside is shown too
	Beside  Scope // what Scope is compared with; the zero value: everything
	// From and To, in seconds since 1970 and multiples of ten, bound a stretch of the past; both 0: live.
	From, To int64
	Earlier  string      // id of the match laid beside; "": the match's own choice; NoEarlier: none
	Align    match.Phase // see Earlier.Align
}

// NoEarlier says that no earlier match is wanted.
const NoEarlier = "none"

// Scope narrows to one value of each dimension that is not empty.
type Scope struct {
	CDN     string // id, or Peers
	ISP     string
	Channel string
	Device  string // players tell it, CDNs' logs do not
}

// Whole tells whether all is looked at.
func (s Scope) Whole() bool { return s == Scope{} }

// Live tells whether the sight goes on with time.
func (s Sight) Live() bool { return s.To == 0 }

// Errors of Cockpit.Look.
var (
	ErrTooManySights = errors.New("cockpit: too many different sights are looked at")
	ErrNoSuchSight   = errors.New("cockpit: there is nothing to look at there")
)
