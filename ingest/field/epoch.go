package field

import "time"

// EpochIn reads a number of units since 1970, exactly, with or without a fraction. Epoch is for
// senders whose unit is not known.
func EpochIn(b []byte, unit time.Duration) (time.Time, bool) {
	n, rest, ok := decimal(b)
	if !ok {
		return time.Time{}, false
	}
	return since1970(n, rest, unit)
}

// Plausible says whether t lies between 2000 and 2200, as all times do that this package reads.
func Plausible(t time.Time) bool { return t.Unix() >= earliest && t.Unix() < latest }
