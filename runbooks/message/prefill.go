package message

import (
	"time"
)

// spoken is what people round a promise to.
const spoken = 5 * time.Minute

// Prefill are the values with which a form begins when a step is prepared: the defaults of its variables. +20m becomes
// a moment, at the next multiple of five minutes. Variables without a default are not in it: somebody has to say them.
func (s *Scenario) Prefill(step Step, now time.Time) map[string]string {
	values := map[string]string{}
	for _, name := range s.Uses(step) {
		v := s.Variables[name]
		if v == nil || v.Default == "" {
			continue
		}
		values[name] = v.Default
		if v.Type == Time && v.Default[0] == '+' {
			if d, err := time.ParseDuration(v.Default[1:]); err == nil {
				values[name] = roundUp(now.Add(d)).Format(time.RFC3339)
			}
		}
	}
	return values
}

func roundUp(t time.Time) time.Time {
	if down := t.Truncate(spoken); down.Before(t) {
		return down.Add(spoken)
	}
	return t
}

// Fixture is Prefill with a likely value for each other variable: what a preview shows while it is written.
func (s *Scenario) Fixture(step Step, now time.Time) map[string]string {
	values := s.Prefill(step, now)
	for _, name := range s.Uses(step) {
		if v := s.Variables[name]; v != nil && values[name] == "" {
			values[name] = v.likely(now)
		}
	}
	return values
}

func (v *Variable) likely(now time.Time) string {
	if len(v.Values) > 0 {
		return v.Values[0].ID
	}
	switch v.Type {
	case Time:
		return roundUp(now.Add(20 * time.Minute)).Format(time.RFC3339)
	case Duration:
		return (time.Duration(min(max(20, v.Least), v.most(maxMinutes))) * time.Minute).String()
	case Number, About:
		return plain(min(max(12000, v.Least), v.most(maxNumber)))
	case URL:
		if len(v.Allow) > 0 {
			return v.Allow[0]
		}
	case Operator:
		return "Orange"
	case Competition:
		return "Finale"
	}
	return ""
}
