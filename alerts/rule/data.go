package rule

import (
	"time"

	"vigie/internal/match"
)

// View is what a rule reads: the values of a signal, over a stretch of time, for each value of its
// dimensions. Rules that read the same share one.
type View struct {
	Signal  string
	By      string // dimensions, sorted, separated by commas
	Where   string // "class=segment,cdn=maison", sorted
	Over    time.Duration
	Against Against // what Usual is a usual share of
	SQL     string  // of signal sql: the name of the rule, whose statement it is
}

// Against is what a value is held against before its usual and its spread are taken, so that a surge that
// was expected is no deviation.
type Against string

const (
	AgainstUsual    Against = ""         // nothing: the value itself
	AgainstForecast Against = "forecast" // of the match's file: viewers and traffic alone
	AgainstEarlier  Against = "earlier"  // the same moment of the earlier match
	AgainstViewers  Against = "viewers"  // who watches, by the same dimensions as far as players tell them
)

// Data is what rules are judged by. It knows the present, or any moment of the past as it was known then:
// whoever calls tells which by moving it on. It is for one goroutine.
type Data interface {
	// Series are the groups of a view, in an order that stays: a group keeps its index for as long as the Data
	// lives, new ones are added at the end. At most MaxGroups.
	Series(v View) []Series
	// Read fills in what a group showed in the stretch of v.Over that ends at at, which must not be after
	// its Complete. base is the moment before which the usual is taken: at itself, or when an alert began,
	// so that what is wrong never becomes usual.
	Read(v View, group int, at, base time.Time, r *Reading)
}

// MaxGroups is how many series a view has at most; what is beyond is not judged, and told in the log.
const MaxGroups = 1000

// Series is one combination of the values of a view's dimensions.
type Series struct {
	Values   []string  // of the dimensions, in their order
	Complete time.Time // everything before it is there; zero: nothing is known of it
	Last     time.Time // the end of the last second with data; zero: none
	Silent   bool      // its source fell silent: no data will make Complete move
	Error    string    // it could not be read, and why
}

// Reading is what a group showed. What is not known is NaN.
type Reading struct {
	Value    float64
	Sample   float64 // unweighted, behind Value
	Usual    float64 // median over the quarter of an hour before base, in Value's unit at this moment
	Spread   float64 // 1.4826 times the median distance from it, not less than the signal's floor
	Forecast float64
	Earlier  float64
	Viewers  float64
}

// Moment is what is known beside the data, the same for all rules.
type Moment struct {
	Now         time.Time
	Match       string // id; "": none
	Phase       match.Phase
	Minute      int
	Criticality int // 1 to 4; 0: there is no match
}
