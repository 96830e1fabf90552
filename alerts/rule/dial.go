package rule

import "math"

// The dial of a group of rules goes from 1, which tells of nothing but the worst, to 10, which tells of
// everything. One turn moves three things together:
//
//	dial            1     2     3     4     5     6     7     8     9    10
//	k             7.00  6.44  5.89  5.33  4.78  4.22  3.67  3.11  2.56  2.00   deviations from the usual
//	for, times    1.5   1.375 1.25  1.125 1     0.9   0.8   0.7   0.6   0.5
//	of it held    100%  96%   92%   87.5% 83%   80%   77%   73%   70%   67%    seconds that the condition must hold
//	floor, times  2     1.68  1.41  1.19  1     0.87  0.76  0.66  0.57  0.5    min_sample, and floor_factor in conditions
//
// At 5 everything is as the file says. for: 12s there means that the condition holds now, began to hold 12 s ago
// and held in 10 of the seconds since.

// MinDial, UsualDial and MaxDial are the ends of a dial, and where it stands of which nobody says anything.
const (
	MinDial   = 1
	UsualDial = 5
	MaxDial   = 10
)

// Setting is what a dial at one of its places means.
type Setting struct {
	Dial  int
	K     float64 // k in conditions
	For   float64 // times a rule's for
	Held  float64 // share of these seconds in which the condition must hold
	Floor float64 // times min_sample; floor_factor in conditions
}

// heldOf120 are the shares, in 120ths, which are whole at every setting.
var heldOf120 = [MaxDial + 1]int64{1: 120, 115, 110, 105, 100, 96, 92, 88, 84, 80}

// SettingAt is what a dial means; one beyond its ends stands at the end, 0 is the usual.
func SettingAt(dial int) Setting {
	if dial == 0 {
		dial = UsualDial
	}
	dial = min(max(dial, MinDial), MaxDial)
	off := float64(dial - UsualDial)
	s := Setting{Dial: dial, K: 7 - float64(dial-1)*5/9, For: 1 - off/10, Held: float64(heldOf120[dial]) / 120, Floor: math.Exp2(-off / 5)}
	if off < 0 {
		s.For, s.Floor = 1-off/8, math.Exp2(-off/4)
	}
	return s
}

// Window is how long a condition must hold, in whole seconds of at least one, and how many of them it may miss.
func (s Setting) Window(wanted Duration) (window, missed int64) {
	window = max(1, int64(math.Round(float64(wanted.seconds())*s.For)))
	return window, window * (120 - heldOf120[s.Dial]) / 120
}
