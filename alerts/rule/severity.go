package rule

import "vigie/alerts/notice"

// of is the first severity whose condition holds. One that asks for what is not known does not hold.
func (s Severities) of(f *facts) notice.Severity {
	if len(s) == 0 {
		return notice.Warning
	}
	for i := range s {
		if c := s[i].when; c.needs&f.unknown == 0 && c.holds(f) {
			return s[i].Severity
		}
	}
	return notice.Info
}
