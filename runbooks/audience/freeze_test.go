package audience

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/internal/match"
)

// toldBy is a ledger.
type toldBy map[string]int

func (t toldBy) Count(key string) int { return t[key] }

const crowd = `id,email,phone,lang,email_agree,sms_agree,offer,role
a,a@example.com,+33600000001,fr,1,1,premium,
b,b@example.com,+33600000002,en,1,0,premium,
c,c@example.com,+33600000003,,0,1,free,
d,,+33600000004,fr,1,1,premium,
e,e@example.com,,fr,1,1,free,
f,A@example.com,+33600000001,en,1,1,premium,
crew1,crew1@example.com,+33600000011,fr,1,1,,crew
crew2,crew2@example.com,,fr,0,0,,crew
`

func TestAListIsWhomTheQuestionIsAbout(t *testing.T) {
	b := open1(t)
	b.mustImport(t, crowd, ImportOptions{})
	b.segment(t, "premium", false, Condition{"offer", []string{"premium", "a, \"b\" \\ 'c'"}, false})
	b.segment(t, "others", false, Condition{"offer", []string{"premium"}, true}, Condition{"role", []string{""}, false})
	b.segment(t, "french", false, Condition{"lang", []string{"fr"}, false})
	b.segment(t, "all", false)
	for _, c := range []struct {
		segment string
		kind    string
		want    string
	}{
		{"premium", "email", "a@example.com b@example.com"},
		{"premium", "sms", "+33600000001 +33600000004"},
		{"others", "email", "e@example.com"},
		{"others", "sms", "+33600000003"},
		{"french", "sms", "+33600000001 +33600000003 +33600000004 +33600000011"},
		{"all", "email", "a@example.com b@example.com crew1@example.com e@example.com"},
	} {
		kind := email
		if c.kind == "sms" {
			kind = smsKind
		}
		f, all := b.mustFreeze(t, Ask{Segment: c.segment, Kind: kind}, FreezeOptions{By: "marie"})
		if got := addresses(all); got != c.want || f.Size != len(all) || f.By != "marie" || f.Asked.Segment != c.segment {
			t.Errorf("%s by %s: %s, want %s; %+v", c.segment, c.kind, got, c.want, f)
		}
	}
	f, all := b.mustFreeze(t, Ask{Segment: "all", Kind: email}, FreezeOptions{})
	if f.Unreached != 1 || f.Disagreed != 2 || f.Repeated != 1 || f.Size+f.Unreached+f.Disagreed+f.Repeated != 8 || f.ByLang["fr"] != 3 || f.ByLang["en"] != 1 {
		t.Errorf("%+v of %v", f, all)
	}
	// The question by question agrees with what is counted while it is written.
	e, err := b.Estimate(t.Context(), nil, nil)
	if err != nil || e.Contacts != 8 || e.Email.Size != f.Size || e.Email.Disagreed != f.Disagreed || !maps.Equal(e.Email.ByLang, f.ByLang) || e.SMS.Size != 4 {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestTheHouseIsToldFirst(t *testing.T) {
	b := open1(t)
	b.mustImport(t, crowd, ImportOptions{})
	b.segment(t, "free", false, Condition{"offer", []string{"free"}, false})
	b.segment(t, "crew", true, Condition{"role", []string{"crew"}, false})
	f, all := b.mustFreeze(t, Ask{Segment: "free", Kind: smsKind}, FreezeOptions{})
	if f.Canary != 1 || len(all) != 2 || all[0].To != "+33600000011" || all[1].To != "+33600000003" {
		t.Errorf("%+v: %v", f, all)
	}
	l, err := b.Load(t.Context(), f.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range all {
		if at, ok := l.Find(r.Key); at != i || !ok || l.At(i) != r {
			t.Errorf("Find of line %d: %d, %v", i, at, ok)
		}
	}
	if _, ok := l.Find("nobody"); ok {
		t.Error("found nobody")
	}
	// Too many are no house.
	var text strings.Builder
	text.WriteString("id,phone,sms_agree,role\n")
	for n := range MaxCanary + 1 {
		fmt.Fprintf(&text, "x%d,+336001%05d,1,crew\n", n, n)
	}
	b.mustImport(t, text.String(), ImportOptions{})
	if _, err := b.Freeze(t.Context(), Ask{Segment: "free", Kind: smsKind}, FreezeOptions{}); !problem(err, "canary") {
		t.Errorf("%v, want a problem of canary", err)
	}
}

func problem(err error, key string) bool {
	p, ok := errors.AsType[*match.Problem](err)
	return ok && p.Key == key
}

func TestQuestionsThatCannotBeAreRefused(t *testing.T) {
	b := open1(t)
	for _, c := range []struct {
		ask  Ask
		want func(error) bool
	}{
		{Ask{Kind: email}, func(err error) bool { return problem(err, "ask") }},
		{Ask{Segment: "x", Hit: &Hit{}, Kind: email}, func(err error) bool { return problem(err, "ask") }},
		{Ask{Segment: "x", Kind: "status"}, func(err error) bool { return problem(err, "kind") }},
		{Ask{Segment: "x", Kind: email}, func(err error) bool { return errors.Is(err, ErrNotFound) }},
		{Ask{Hit: &Hit{}, Kind: email}, func(err error) bool { return errors.Is(err, ErrNoMapping) }},
	} {
		if _, err := b.Freeze(t.Context(), c.ask, FreezeOptions{}); !c.want(err) {
			t.Errorf("%+v: %v", c.ask, err)
		}
	}
}

// Those who got the initial message get what follows: whatever contacts say by now, and however often they were told;
// but not who asked to be left alone.
func TestWhatFollowsGoesToThoseWhoGotTheFirst(t *testing.T) {
	h := newHouse(t)
	b := h.open(nil)
	b.mustImport(t, crowd, ImportOptions{})
	b.segment(t, "all", false)
	b.segment(t, "crew", true, Condition{"role", []string{"crew"}, false})
	f, all := b.mustFreeze(t, Ask{Segment: "all", Kind: email}, FreezeOptions{})
	got := map[string]bool{}
	for _, r := range all[:len(all)-1] { // the last one's failed
		got[r.Key] = true
	}
	b.mustImport(t, "id,email,email_agree\nnew,new@example.com,1\n", ImportOptions{Replace: true})
	var gone Recipient
	for _, r := range all[1 : len(all)-1] {
		gone = r
	}
	if err := b.SuppressKey(t.Context(), gone.Key, Unsubscribed, "them"); err != nil {
		t.Fatal(err)
	}
	l, err := b.Load(t.Context(), f.ID)
	if err != nil {
		t.Fatal(err)
	}
	next, err := b.FreezeKeys(t.Context(), l, func(key string) bool { return got[key] }, FreezeOptions{By: "paul"})
	if err != nil {
		t.Fatal(err)
	}
	want := slices.DeleteFunc(slices.Clone(all[:len(all)-1]), func(r Recipient) bool { return r == gone })
	if now := b.mustLoad(t, next.ID); !slices.Equal(now, want) || next.Canary != 1 || next.Suppressed != 1 || next.Hash == f.Hash || next.Asked.Segment != "all" || next.Kind != email {
		t.Errorf("%v\nwant %v\n%+v", now, want, next)
	}
	if again, err := b.FreezeKeys(t.Context(), l, nil, FreezeOptions{}); err != nil || again.Size != f.Size-1 {
		t.Errorf("all of them: %+v, %v", again, err)
	}
}

// A list is what it was, in any process; what was tampered with is told; what is forgotten leaves a trace.
func TestAListStaysWhatItWas(t *testing.T) {
	h := newHouse(t)
	b := h.open(nil)
	b.mustImport(t, crowd, ImportOptions{})
	b.segment(t, "all", false)
	f, all := b.mustFreeze(t, Ask{Segment: "all", Kind: email}, FreezeOptions{})
	other := h.open(nil)
	if got := other.mustLoad(t, f.ID); !slices.Equal(got, all) {
		t.Errorf("another process has %v", got)
	}
	if other.Key(email, " A@EXAMPLE.com") != b.Key(email, "a@example.com") {
		t.Error("two processes have two salts")
	}
	kept, _, err := b.cfg.Lists.Get(t.Context(), chunkKey(f.ID, 0))
	if err != nil {
		t.Fatal(err)
	}
	tampered := map[string][]byte{"cut": kept[:len(kept)/2], "empty": {}, "other": packed(t, b, "x\tfr\tx@example.com\n"), "no lines": packed(t, b, strings.Repeat("x", 2*chunkRaw))}
	for what, value := range tampered {
		if err := b.cfg.Lists.Put(t.Context(), chunkKey(f.ID, 0), value); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Load(t.Context(), f.ID); err == nil || what != "empty" && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", what, err)
		}
	}
	if err := b.cfg.Lists.Delete(t.Context(), chunkKey(f.ID, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Load(t.Context(), f.ID); !errors.Is(err, ErrDamaged) {
		t.Errorf("without a chunk: %v", err)
	}
	for _, id := range []string{"", "nobody", "../x", "A"} {
		if _, err := b.Load(t.Context(), id); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	for range 2 {
		if err := b.Forget(t.Context(), f.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Load(t.Context(), f.ID); !errors.Is(err, ErrForgotten) {
		t.Errorf("forgotten: %v", err)
	}
	if left := b.Lists(); len(left) != 1 || left[0].Hash != f.Hash || left[0].Size != f.Size || left[0].Forgotten.IsZero() {
		t.Errorf("the trace: %+v", left)
	}
	if err := b.Forget(t.Context(), "nobody"); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func packed(t *testing.T, b *Book, raw string) []byte {
	t.Helper()
	if err := b.writeChunk(t.Context(), "scratch", []byte(raw)); err != nil {
		t.Fatal(err)
	}
	v, _, err := b.cfg.Lists.Get(t.Context(), "scratch")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestListsAreForgottenOnTheirDate(t *testing.T) {
	b := open1(t)
	b.mustImport(t, crowd, ImportOptions{})
	b.segment(t, "all", false)
	soon, _ := b.mustFreeze(t, Ask{Segment: "all", Kind: email}, FreezeOptions{Until: time.Now().Add(time.Hour)})
	later, _ := b.mustFreeze(t, Ask{Segment: "all", Kind: email}, FreezeOptions{})
	// One whose writer died.
	if err := b.lists.Create(t.Context(), "half", &kept{Frozen: Frozen{ID: "half", Until: time.Now().Add(unfinished)}}); err != nil {
		t.Fatal(err)
	}
	if err := b.writeChunk(t.Context(), chunkKey("half", 0), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Load(t.Context(), "half"); !errors.Is(err, ErrNotFound) {
		t.Errorf("half a list: %v", err)
	}
	if err := b.forgetDue(t.Context(), time.Now().Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Load(t.Context(), soon.ID); !errors.Is(err, ErrForgotten) {
		t.Errorf("past its date: %v", err)
	}
	b.mustLoad(t, later.ID)
	if keys, err := b.cfg.Lists.Keys(t.Context()); err != nil || len(keys) != 1 {
		t.Errorf("kept %v, %v", keys, err)
	}
	if b.lists.Get("half") != nil {
		t.Error("half a list is remembered")
	}
}

// Whatever contacts, suppressions and caps there are: a list has nobody who must not be told, each address once, in
// its order, the house first; what was left out is counted; and the order in which contacts came changes nothing.
func TestNobodyIsInAListWhoMustNotBeTold(t *testing.T) {
	h := newHouse(t)
	b := h.open(func(c *Config) { c.Cap = 2 })
	b.segment(t, "asked", false, Condition{"offer", []string{"x", "y"}, false})
	b.segment(t, "crew", true, Condition{"role", []string{"crew"}, false})
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	suppressedIDs, suppressedMails := map[string]bool{}, map[string]bool{}
	for round := range 12 {
		var people []told
		for n := range 40 + random.IntN(60) {
			p := told{Contact: Contact{ID: fmt.Sprintf("c%d-%d", round, n), Lang: []string{"fr", "en", ""}[random.IntN(3)], EmailAgree: random.IntN(4) > 0, Attributes: map[string]string{"offer": []string{"x", "y", "z"}[random.IntN(3)]}}}
			if random.IntN(8) > 0 { // some share one, in other letters
				p.Email = fmt.Sprintf("%s%d@example.com", []string{"p", "P"}[random.IntN(2)], random.IntN(80))
			}
			if random.IntN(20) == 0 {
				p.Attributes["role"] = "crew"
			}
			people = append(people, p)
			switch random.IntN(15) {
			case 0:
				suppressedIDs[p.ID] = true
				if err := b.suppress(t.Context(), []string{b.key(contactKind, p.ID)}, ByHand, "x"); err != nil {
					t.Fatal(err)
				}
			case 1:
				if p.Email != "" && random.IntN(3) == 0 {
					suppressedMails[strings.ToLower(p.Email)] = true
					if err := b.Suppress(t.Context(), Whom{Kind: email, Address: p.Email}, Complained, "x"); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		ledger := toldBy{}
		for n := range 80 {
			ledger[b.Key(email, fmt.Sprintf("p%d@example.com", n))] = random.IntN(4)
		}
		var hashes []string
		var f *Frozen
		var all []Recipient
		for again := range 2 {
			if again == 1 { // what an earlier import said does not count
				var stale bytes.Buffer
				for _, p := range people {
					p.EmailAgree, p.Email, p.Attributes = !p.EmailAgree, "old-"+p.Email, map[string]string{"offer": "x", "role": "crew"}
					if p.Email == "old-" {
						p.Email = ""
					}
					stale.WriteString(jsonOf(p))
				}
				b.mustImport(t, stale.String(), ImportOptions{Format: "json", Replace: true})
			}
			random.Shuffle(len(people), func(i, j int) { people[i], people[j] = people[j], people[i] })
			var text bytes.Buffer
			for _, p := range people {
				text.WriteString(jsonOf(p))
			}
			b.mustImport(t, text.String(), ImportOptions{Format: "json", Replace: again == 0})
			f, all = b.mustFreeze(t, Ask{Segment: "asked", Kind: email}, FreezeOptions{Told: ledger})
			hashes = append(hashes, f.Hash)
		}
		if hashes[0] != hashes[1] {
			t.Errorf("round %d: the order of an import changes the list", round)
		}
		// May says what each person's record allows; want are the addresses that some record lets be told.
		want, crew := map[string]bool{}, map[string]bool{}
		about := 0
		for _, p := range people {
			house := p.Attributes["role"] == "crew"
			if !house && p.Attributes["offer"] == "z" {
				continue
			}
			about++
			address := strings.ToLower(p.Email)
			if address == "" || !p.EmailAgree || suppressedIDs[p.ID] || suppressedMails[address] || ledger[b.Key(email, address)] >= 2 {
				continue
			}
			want[address] = true
			crew[address] = crew[address] || house
		}
		got := map[string]bool{}
		for i, r := range all {
			address := strings.ToLower(r.To)
			if got[address] {
				t.Errorf("round %d: %s is in it twice", round, r.To)
			}
			got[address] = true
			if r.Key != b.Key(email, r.To) || (i < f.Canary) != crew[address] || r.Lang == "" {
				t.Errorf("round %d: line %d of %d, the house's %d: %+v", round, i, len(all), f.Canary, r)
			}
			if i > 0 && i != f.Canary && all[i-1].Key >= r.Key {
				t.Errorf("round %d: line %d is not in order", round, i)
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("round %d: told %v\nwant %v", round, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
		if sum := f.Size + f.Unreached + f.Disagreed + f.Suppressed + f.Capped + f.Repeated; sum != about {
			t.Errorf("round %d: %d are counted of %d: %+v", round, sum, about, f)
		}
	}
}

func jsonOf(p told) string {
	return fmt.Sprintf(`{"id":%q,"email":%q,"lang":%q,"email_agree":%v,"attributes":%s}`+"\n", p.ID, p.Email, p.Lang, p.EmailAgree, appendAttributes(nil, p.Attributes))
}
