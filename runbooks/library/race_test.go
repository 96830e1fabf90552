package library

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vigie/internal/bus/bustest"
	"vigie/runbooks/message"
)

var steps = []message.Step{message.Initial, message.Update, message.Resolved}

// another is the scenario with a content that never was before: the text of one step, or, for all that use it, the
// variable that two steps share.
func another(s *message.Scenario, step message.Step, shared bool, n int64) *message.Scenario {
	if shared {
		c := copied(s)
		c.Variables["next"].Default = fmt.Sprintf("+%ds", n)
		return c
	}
	name := "next"
	if step == message.Resolved {
		name = "ended"
	}
	return edited(s, step, fmt.Sprintf("texte %d {%s}", n, name))
}

// model is what a message's life must be, as the rules are told: one person's edit ends what another one approved.
type model struct {
	hash     string
	authors  map[string]bool
	inReview bool
	approver string
	armed    bool
}

// Random acts of four people, one after the other, through two processes: what may be sent, and why not, is what a
// model of the rules says after each of them.
func TestTheRulesHoldWhateverPeopleDo(t *testing.T) {
	b := bustest.Open(t)
	libraries := []*Library{open(t, b, Config{}), open(t, b, Config{})}
	ctx := t.Context()
	current := trouble("cdn")
	if _, err := libraries[0].Save(ctx, "p0", current, 0); err != nil {
		t.Fatal(err)
	}
	version := uint64(1)
	lives := map[message.Step]*model{}
	for _, step := range steps {
		lives[step] = &model{hash: current.Hash(step), authors: map[string]bool{"p0": true}}
	}
	r := rand.New(rand.NewPCG(11, 12))
	sent := 0
	for i := range 1500 {
		l, by, step := libraries[r.IntN(2)], fmt.Sprint("p", r.IntN(4)), steps[r.IntN(len(steps))]
		m := lives[step]
		var want, got Why
		what := ""
		switch r.IntN(9) {
		case 0:
			what = "save"
			s, base := another(current, step, r.IntN(3) == 0, int64(i)+1), version
			if r.IntN(4) == 0 {
				s = copied(current) // nothing changed
			}
			if r.IntN(4) == 0 && base > 1 {
				base--
			}
			same := s.Hash(message.Initial) == current.Hash(message.Initial) && s.Hash(message.Update) == current.Hash(message.Update) && s.Hash(message.Resolved) == current.Hash(message.Resolved)
			if base != version && !same {
				want = Conflict
			}
			_, err := l.Save(ctx, by, s, base)
			if got = why(t, err); want == "" && !same {
				version++
				current = s
				for _, step := range steps {
					if m := lives[step]; m.hash != s.Hash(step) {
						if m.approver != "" {
							m.authors = map[string]bool{}
						}
						m.authors[by] = true
						m.hash, m.inReview, m.approver, m.armed = s.Hash(step), false, "", false
					}
				}
			}
		case 1, 2:
			what = "submit"
			if m.inReview || m.approver != "" {
				want = Already
			}
			_, err := l.Submit(ctx, by, "cdn", step)
			if got = why(t, err); want == "" {
				m.inReview = true
			}
		case 3, 4:
			what = "approve"
			hash := m.hash
			if r.IntN(6) == 0 {
				hash = "seen before"
			}
			switch {
			case hash != m.hash:
				want = Changed
			case m.approver != "":
				want = Already
			case !m.inReview:
				want = NotInReview
			case m.authors[by]:
				want = OwnWork
			}
			_, err := l.Approve(ctx, by, "cdn", step, hash)
			if got = why(t, err); want == "" {
				m.inReview, m.approver = false, by
			}
		case 5, 6:
			what = "arm"
			switch {
			case m.approver == "":
				want = NotApproved
			case m.armed:
				want = Already
			}
			_, err := l.Arm(ctx, by, "cdn", step, "final")
			if got = why(t, err); want == "" {
				m.armed = true
			}
		case 7:
			what = "disarm"
			if !m.armed {
				want = NotArmed
			}
			_, err := l.Disarm(ctx, by, "cdn", step, "final")
			if got = why(t, err); want == "" {
				m.armed = false
			}
		case 8:
			what = "reject"
			if r.IntN(3) > 0 {
				continue
			}
			if !m.inReview && m.approver == "" {
				want = NotInReview
			}
			_, err := l.Reject(ctx, by, "cdn", step, "non")
			if got = why(t, err); want == "" {
				m.inReview, m.approver, m.armed = false, "", false
			}
		}
		if got != want {
			t.Fatalf("%d: %s %s %s: %q, want %q (%+v)", i, by, what, step, got, want, m)
		}
		for _, step := range steps {
			m := lives[step]
			c, err := libraries[r.IntN(2)].ForSend(ctx, "cdn", step, "final")
			switch {
			case m.approver == "" && why(t, err) == NotApproved, m.approver != "" && !m.armed && why(t, err) == NotArmed:
			case m.armed && err == nil && c.Hash == m.hash && c.Scenario.Hash(step) == m.hash && c.Approver == m.approver && len(c.Authors) == len(m.authors) && !m.authors[m.approver]:
				sent++
			default:
				t.Fatalf("%d: after %s %s %s, %s may be sent: %+v, %v (%+v)", i, by, what, step, step, c, err, m)
			}
		}
	}
	if sent < 50 {
		t.Errorf("%d could be sent only: the test saw too little", sent)
	}
}

// The same at once, through two processes: nothing that may be sent was edited after its approval, nor approved by who
// wrote it.
func TestNothingIsSentThatNobodyElseApproved(t *testing.T) {
	b := bustest.Open(t)
	libraries := []*Library{open(t, b, Config{}), open(t, b, Config{})}
	ctx := t.Context()
	first := trouble("cdn")
	if _, err := libraries[0].Save(ctx, "p0", first, 0); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	wrote := map[string]string{}      // hash to who made that content, which never comes again
	approvals := map[[2]string]bool{} // hash and who approved it
	var sent []*Content
	var count atomic.Int64
	for _, step := range steps {
		wrote[first.Hash(step)] = "p0"
	}
	for libraries[1].Get("cdn") == nil { // it hears soon what the other one kept
		time.Sleep(time.Millisecond)
	}
	var g sync.WaitGroup
	for worker := range 4 {
		g.Go(func() {
			r := rand.New(rand.NewPCG(7, uint64(worker)))
			l := libraries[worker%2]
			for range 200 {
				by, step := fmt.Sprint("p", r.IntN(4)), steps[r.IntN(len(steps))]
				e := l.Get("cdn")
				hash := e.Scenario.Hash(step)
				switch r.IntN(9) {
				case 0:
					s := another(&e.Scenario, step, r.IntN(3) == 0, count.Add(1))
					mu.Lock() // before the save: somebody may approve it at once
					for _, step := range steps {
						if h := s.Hash(step); h != e.Scenario.Hash(step) {
							wrote[h] = by
						}
					}
					mu.Unlock()
					_, _ = l.Save(ctx, by, s, e.Version)
				case 1, 2, 3:
					_, _ = l.Submit(ctx, by, "cdn", step)
				case 4, 5, 6:
					if _, err := l.Approve(ctx, by, "cdn", step, hash); err == nil {
						mu.Lock()
						approvals[[2]string{hash, by}] = true
						mu.Unlock()
					}
				case 7:
					_, _ = l.Arm(ctx, by, "cdn", step, "final")
				case 8:
					if r.IntN(4) == 0 {
						_, _ = l.Reject(ctx, by, "cdn", step, "non")
					}
				}
				if c, err := l.ForSend(ctx, "cdn", step, "final"); err == nil {
					mu.Lock()
					sent = append(sent, c)
					mu.Unlock()
				}
			}
		})
	}
	g.Wait()
	for _, c := range sent {
		switch {
		case c.Hash != c.Scenario.Hash(c.Step):
			t.Errorf("the hash is not of what is sent")
		case !approvals[[2]string{c.Hash, c.Approver}]:
			t.Errorf("%s never approved %s", c.Approver, c.Hash)
		case c.Approver == wrote[c.Hash] || !slices.Contains(c.Authors, wrote[c.Hash]) || slices.Contains(c.Authors, c.Approver):
			t.Errorf("%s wrote it, %v are told as authors, %s approved", wrote[c.Hash], c.Authors, c.Approver)
		}
	}
	if len(sent) < 10 {
		t.Errorf("%d could be sent only: the test saw too little", len(sent))
	}
}
