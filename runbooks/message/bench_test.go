package message

import "testing"

// What the page of a match does for each message, when it was edited.
func BenchmarkLint(b *testing.B) {
	all := examples(b)
	for b.Loop() {
		for _, s := range all {
			for _, step := range Steps() {
				s.Lint(step, house)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(all)*len(Steps())), "µs/message")
}

func BenchmarkCheckStep(b *testing.B) {
	s := examples(b)[0]
	for b.Loop() {
		if err := s.CheckStep(Initial); err != nil {
			b.Fatal(err)
		}
	}
}
