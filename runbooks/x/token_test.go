package x

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"vigie/internal/provider"
)

func send(t *testing.T, c *Channel) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := c.Send(ctx, "", said())
	return err
}

// The next refresh token is kept before the access token is used: a process that starts after a crash has it, and
// the one of the configuration, which was spent, is not used again.
func TestARefreshTokenServesOnceThroughRestarts(t *testing.T) {
	n, keep := newNetwork(t), new(Memory)
	n.life = 30 // less than an access token must have left: each process renews
	for i := range 3 {
		if err := send(t, n.channel(t, keep)); err != nil {
			t.Fatal(i, err)
		}
	}
	held, err := keep.Load(t.Context())
	if err != nil || n.turns != 3 || held.Refresh != n.valid || !held.Busy.IsZero() {
		t.Errorf("%d turns, %+v held, %s serves", n.turns, held, n.valid)
	}
	b, err := json.Marshal(held)
	if back := (Tokens{}); err != nil || json.Unmarshal(b, &back) != nil || !back.equal(held) {
		t.Errorf("%s is not what was kept", b)
	}
}

func TestAnAccessTokenServesWhileItLives(t *testing.T) {
	n, keep := newNetwork(t), new(Memory)
	for range 3 {
		if err := send(t, n.channel(t, keep)); err != nil {
			t.Fatal(err)
		}
	}
	if n.turns != 1 || len(n.posts) != 3 {
		t.Errorf("%d turns for %d posts", n.turns, len(n.posts))
	}
}

// Many processes at once: one renews, or the account would be lost.
func TestOneProcessRenews(t *testing.T) {
	n, keep := newNetwork(t), new(Memory)
	var wg sync.WaitGroup
	for range 6 {
		c := n.channel(t, keep)
		for range 2 {
			wg.Go(func() {
				if err := send(t, c); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if n.turns != 1 || len(n.posts) != 12 {
		t.Errorf("%d turns for %d posts", n.turns, len(n.posts))
	}
}

func TestAnotherConsentStartsAnew(t *testing.T) {
	n, keep := newNetwork(t), new(Memory)
	if err := send(t, n.channel(t, keep)); err != nil {
		t.Fatal(err)
	}
	n.valid = "" // the account's owner took it away
	n.access = ""
	c := n.channel(t, keep)
	f := provider.Failed(send(t, c))
	if f == nil || f.Certainty != provider.Permanent || f.Reason != provider.ReasonAuth {
		t.Fatalf("%+v", f)
	}
	n.valid = "another-refresh-token"
	c, err := New(Config{URL: n.URL, ClientID: client, ClientSecret: clientSecret, Refresh: "another-refresh-token", Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	if err := send(t, c); err != nil || n.turns != 2 {
		t.Errorf("%v after %d turns", err, n.turns)
	}
}

// X may take an access token away before its time.
func TestAnAccessTokenThatIsNotTakenIsRenewedOnce(t *testing.T) {
	n, keep := newNetwork(t), new(Memory)
	c := n.channel(t, keep)
	if err := send(t, c); err != nil {
		t.Fatal(err)
	}
	n.forgets = true
	if err := send(t, c); err != nil || n.turns != 2 || len(n.posts) != 2 {
		t.Errorf("%v, %d turns, %d posts", err, n.turns, len(n.posts))
	}
}

func TestARenewalThatFails(t *testing.T) {
	n, keep := newNetwork(t), new(Memory)
	n.fails = 1
	c := n.channel(t, keep)
	f := provider.Failed(send(t, c))
	if f == nil || f.Certainty != provider.Temporary || f.Reason != provider.ReasonServer || len(n.posts) != 0 {
		t.Fatalf("%+v, %d posts", f, len(n.posts))
	}
	if held, _ := keep.Load(t.Context()); !held.Busy.IsZero() {
		t.Errorf("it is still marked: %+v", held)
	}
	if err := send(t, c); err != nil {
		t.Error(err)
	}
}

// What X gave and could not be kept is used, and kept as soon as it can be.
func TestTokensThatCannotBeKeptYet(t *testing.T) {
	n := newNetwork(t)
	keep := &faulty{swaps: 1} // the mark, and then nothing
	c := n.channel(t, keep)
	for range 2 {
		if err := send(t, c); err != nil {
			t.Fatal(err)
		}
	}
	keep.mutex.Lock()
	keep.swaps = 1000
	keep.mutex.Unlock()
	if err := send(t, c); err != nil || n.turns != 1 {
		t.Errorf("%v, %d turns", err, n.turns)
	}
	if held, _ := keep.Load(t.Context()); held.Refresh != n.valid || !held.Busy.IsZero() {
		t.Errorf("%+v held, %s serves", held, n.valid)
	}
	// Where not even the mark can be set, nothing is asked for and nothing is lost.
	other := newNetwork(t)
	f := provider.Failed(send(t, other.channel(t, new(faulty))))
	if f == nil || f.Certainty != provider.Temporary || other.turns != 0 {
		t.Errorf("%+v, %d turns", f, other.turns)
	}
}

// A process that died while it renewed leaves its mark for half a minute.
func TestAMarkThatNobodyTakesBack(t *testing.T) {
	n, keep := newNetwork(t), new(Memory)
	c := n.channel(t, keep)
	marked := Tokens{First: c.first, Refresh: consent, Busy: time.Now().Add(time.Hour)}
	if ok, err := keep.Swap(t.Context(), Tokens{}, marked); !ok || err != nil {
		t.Fatal(ok, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := c.Send(ctx, "", said())
	if f := provider.Failed(err); f == nil || f.Certainty != provider.Temporary || f.Reason != provider.ReasonTimeout || n.turns != 0 {
		t.Errorf("%+v, %d turns", f, n.turns)
	}
	old := marked
	old.Busy = time.Now().Add(-time.Second)
	if ok, err := keep.Swap(t.Context(), marked, old); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := send(t, c); err != nil || n.turns != 1 {
		t.Errorf("%v, %d turns", err, n.turns)
	}
}

func FuzzTokens(f *testing.F) {
	f.Add([]byte(`{"token_type":"bearer","expires_in":7200,"access_token":"a","refresh_token":"r"}`))
	f.Add([]byte(`{"expires_in":1e308,"access_token":"a","refresh_token":"r"}`))
	f.Add([]byte(`{"expires_in":-1,"access_token":"a\r\nX: y","refresh_token":""}`))
	now := time.Unix(1795291650, 0)
	f.Fuzz(func(t *testing.T, body []byte) {
		got, ok := parseTokens(body, now)
		if ok && (!provider.Token(got.Access) || !provider.Token(got.Refresh) || got.Expires.Before(now) || got.Expires.After(now.Add(mostLife))) {
			t.Errorf("%+v", got)
		}
	})
}
