package field

import "time"

// EpochIn reads a number of units since 1970, exactly, with or without a fraction. Epoch is for
// senders whose unit is not known.
func EpochIn(b []byte, unit time.Duration) (time.Time, bool) {
	whole, rest := b, []byte(nil)
	for i, c := range b {
		if c == '.' {
			whole, rest = b[:i], b[i+1:]
			break
		}
	}
	n, ok := Uint(whole)
	if !ok || len(whole) > 20 || !digits(whole) || !digits(rest) {
		return time.Time{}, false
	}
	perSecond := uint64(time.Second / unit)
	if n/perSecond >= latest {
		return time.Time{}, false
	}
	return within(int64(n/perSecond), int64(time.Duration(n%perSecond)*unit+fraction(rest, unit)))
}

// Plausible says whether t lies between 2000 and 2200, as all times do that this package reads.
func Plausible(t time.Time) bool { return t.Unix() >= earliest && t.Unix() < latest }
