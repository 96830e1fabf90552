package mail

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/provider"
	"vigie/internal/provider/mail/mailtest"
)

func kept(t testing.TB, p *mailtest.Server, sessions int) *Server {
	t.Helper()
	c := config(p)
	c.Sessions = sessions
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func deliver(t *testing.T, s *Server, to string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := s.Deliver(ctx, to, message)
	return err
}

func TestOneConnectionServesManyMessages(t *testing.T) {
	p := (&mailtest.Server{}).Start(t, false)
	s := kept(t, p, 1)
	for i := range 5 {
		if err := deliver(t, s, fmt.Sprintf("viewer%d@example.com", i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, to, mechanisms, _ := p.Envelopes(); p.Opened() != 1 || p.Count() != 5 || len(to) != 5 || len(mechanisms) != 1 {
		t.Errorf("%d connections, %d messages, signed in %d times", p.Opened(), p.Count(), len(mechanisms))
	}
	none := kept(t, p, 0)
	for range 2 {
		if err := deliver(t, none, "viewer@example.com"); err != nil {
			t.Fatal(err)
		}
	}
	if p.Opened() != 3 {
		t.Errorf("%d connections, want one more for each message where none is kept", p.Opened())
	}
}

func TestNoMoreConnectionsThanAsked(t *testing.T) {
	p := (&mailtest.Server{}).Start(t, false)
	s := kept(t, p, 3)
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			if err := deliver(t, s, fmt.Sprintf("viewer%d@example.com", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if p.Opened() > 3 || p.Count() != 60 {
		t.Errorf("%d connections, %d messages", p.Opened(), p.Count())
	}
}

// A server closes what waits too long, or is started anew: that costs nobody's message.
func TestADeadConnectionIsReplaced(t *testing.T) {
	p := (&mailtest.Server{}).Start(t, false)
	s := kept(t, p, 2)
	for round := range 3 {
		if err := deliver(t, s, "viewer@example.com"); err != nil || p.Count() != round+1 || p.Opened() != round+1 {
			t.Fatalf("round %d: %v, %d messages over %d connections", round, err, p.Count(), p.Opened())
		}
		p.Drop()
	}
	// 421 says the same with words.
	if err := deliver(t, s, "viewer@example.com"); err != nil {
		t.Fatal(err)
	}
	p.Set(func(p *mailtest.Server) { p.Mail = mailtest.SMTP(421, "too many messages here") })
	err := deliver(t, s, "viewer@example.com")
	if f := provider.Failed(err); f == nil || f.Certainty != provider.Temporary || p.Count() != 4 || p.Opened() != 5 {
		t.Errorf("a server that goes on saying 421: %v, %d messages over %d connections", err, p.Count(), p.Opened())
	}
}

// One person's refusal is not the next one's, and the connection goes on.
func TestARefusedRecipientLeavesTheConnection(t *testing.T) {
	p := (&mailtest.Server{RcptTo: func(to string) error {
		if strings.HasPrefix(to, "no") {
			return mailtest.SMTP(550, "no such user")
		}
		return nil
	}}).Start(t, false)
	s := kept(t, p, 1)
	for _, to := range []string{"a@example.com", "no@example.com", "nobody@example.com", "b@example.com"} {
		err := deliver(t, s, to)
		if f := provider.Failed(err); (f == nil) != !strings.HasPrefix(to, "no") || f != nil && (f.Certainty != provider.Permanent || f.Reason != provider.ReasonUnknown) {
			t.Errorf("%s: %v", to, err)
		}
	}
	if p.Opened() != 1 || p.Count() != 2 {
		t.Errorf("%d messages over %d connections", p.Count(), p.Opened())
	}
}

// Whatever becomes of one message over a connection that was kept, it is never said twice.
func TestAfterTheDotNothingIsSaidAgain(t *testing.T) {
	for _, closes := range []string{"before", "after"} {
		p := (&mailtest.Server{}).Start(t, false)
		s := kept(t, p, 1)
		if err := deliver(t, s, "a@example.com"); err != nil {
			t.Fatal(err)
		}
		p.Set(func(p *mailtest.Server) { p.Closes = closes })
		err := deliver(t, s, "b@example.com")
		_, to, _, _ := p.Envelopes()
		if f := provider.Failed(err); f == nil || f.Certainty != provider.Ambiguous || len(to) != 2 {
			t.Errorf("closed %s the dot: %v, asked for %v", closes, err, to)
		}
		p.Set(func(p *mailtest.Server) { p.Closes = "" })
		if err := deliver(t, s, "c@example.com"); err != nil {
			t.Error(err)
		}
	}
}

func TestTheEndOfATryEndsItWhereItIs(t *testing.T) {
	p := (&mailtest.Server{Waits: make(chan struct{})}).Start(t, false)
	s := kept(t, p, 1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := s.Deliver(ctx, "a@example.com", message)
		ended <- err
	}()
	for p.Count() == 0 { // until the server has it and does not answer
		time.Sleep(time.Millisecond)
	}
	// The only connection is in use: whoever waits for it has said nothing.
	waiting, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	_, err := s.Deliver(waiting, "b@example.com", message)
	if f := provider.Failed(err); f == nil || f.Certainty != provider.Temporary || f.Reason != provider.ReasonTimeout {
		t.Errorf("who waits: %v", err)
	}
	cancel()
	if f := provider.Failed(<-ended); f == nil || f.Certainty != provider.Ambiguous || f.Reason != provider.ReasonTimeout {
		t.Errorf("who was cut off: %+v", f)
	}
	if _, to, _, _ := p.Envelopes(); len(to) != 1 {
		t.Errorf("asked for %v", to)
	}
}

func TestCloseEndsWhatWaits(t *testing.T) {
	p := (&mailtest.Server{}).Start(t, false)
	s := kept(t, p, 2)
	if err := deliver(t, s, "a@example.com"); err != nil || p.Open() != 1 {
		t.Fatalf("%v, %d open", err, p.Open())
	}
	s.Close()
	for p.Open() > 0 { // until the server has heard of it
		time.Sleep(time.Millisecond)
	}
	if err := deliver(t, s, "b@example.com"); err != nil || p.Opened() != 2 {
		t.Errorf("%v, %d connections", err, p.Opened())
	}
}

// A connection serves a hundred messages: servers have bounds of their own.
func TestAConnectionIsNotUsedForEver(t *testing.T) {
	p := (&mailtest.Server{Discards: true}).Start(t, false)
	s := kept(t, p, 1)
	for range sessionMost + 1 {
		if err := deliver(t, s, "a@example.com"); err != nil {
			t.Fatal(err)
		}
	}
	if p.Opened() != 2 || p.Count() != sessionMost+1 {
		t.Errorf("%d messages over %d connections", p.Count(), p.Opened())
	}
}
