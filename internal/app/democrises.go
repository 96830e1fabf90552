package app

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"vigie/docs/example"
	"vigie/internal/pause"
	"vigie/internal/provider"
	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
	"vigie/runbooks/house"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
)

//go:embed demo-house.yaml
var demoHouse []byte

// demoMatch is the id of the match that the demo plays.
const demoMatch = "finale"

// People of the demo who are not its own user. Who writes, who validates and who sends are three persons.
const (
	demoAuthor    = "camille"
	demoValidator = "denis"
	demoSecond    = "sue"
)

var demoPeople = []struct{ name, display, roles string }{
	{demoUser, "Demo", "operator,admin"},
	{demoAuthor, "Camille Roche", "author"},
	{demoValidator, "Denis Aubry", "validator"},
	{demoSecond, "Sue Lambert", "operator"},
}

// demoCrises gives the demo the messages and the runbooks of the example, and a house to tell invented viewers. Without
// a telephone it has what is on the machines' port alone.
func demoCrises(cfg *Config, phone *demoPhone) error {
	machines := dialable(cfg.Listen.Machines)
	cfg.Collectors.PublicURL = "http://" + machines
	m := &cfg.Messages
	m.files = messageFiles{at: map[string]func(string) string{}, secret: phone.told}
	folder, err := fs.Sub(example.Messages, "messages")
	if err != nil {
		return err
	}
	m.readFrom(folder, "docs/example/messages")
	h, at, err := readText[house.House]("demo-house.yaml", demoHouse)
	if err != nil {
		return err
	}
	m.House, m.files.at[""] = h, at
	h.Status.URL = cfg.Collectors.PublicURL + "/status/"
	books, err := fs.Sub(example.Runbooks, "runbooks")
	if err != nil {
		return err
	}
	cfg.Runbooks.readFrom(books, "docs/example/runbooks")
	if phone == nil {
		h.Channels, h.Drill, h.Mapping = withoutDoors(h.Channels), withoutDoors(h.Drill), nil
		return nil
	}
	loopback := func(at string) bool { host, _, _ := net.SplitHostPort(at); return provider.Loopback(host) }
	if !loopback(phone.address) || !loopback(machines) { // secrets do not travel in the clear, in a demo neither
		h.Mapping = nil
		for i := range h.Channels {
			h.Channels[i].Receipts = nil
		}
		return nil
	}
	h.Mapping.URL = phone.at(phoneContacts)
	// What runbooks call are systems that nobody has: the telephone answers for them.
	h.Runbooks.Calls = []house.Callable{{URL: phone.at(phoneCalls), Header: "Authorization", SecretEnv: "CALLS_TOKEN"}}
	for _, rb := range cfg.Runbooks.All {
		for i := range rb.Steps {
			if call := rb.Steps[i].Call; call != nil {
				for _, address := range []*string{&call.URL, &call.DrillURL} {
					*address = strings.Replace(*address, "https://", phone.at(phoneCalls), 1)
				}
			}
		}
	}
	return nil
}

// withoutDoors leaves out the accounts of other people's systems.
func withoutDoors(all []house.Account) (out []house.Account) {
	for _, a := range all {
		if a.Kind == channel.Status || a.Kind == channel.Banner {
			out = append(out, a)
		}
	}
	return out
}

// dialable is an address to which this machine can connect, of one at which it listens.
func dialable(at string) string {
	host, port, err := net.SplitHostPort(at)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return at
}

// demoStage fills the demo's library and its book of contacts, beside all else.
func demoStage(ctx context.Context, m *messaging) error {
	err := demoLibrary(ctx, m.library, m.cfg.Messages.Scenarios)
	for err == nil && m.book.Load() == nil {
		err = pause.For(ctx, 100*time.Millisecond)
	}
	if err == nil {
		err = demoAudience(ctx, m.book.Load())
	}
	return ended(ctx, err)
}

// left are messages that somebody did not come to, so that the page of what is missing has something to say: true is
// of those that are in review.
var left = map[string]bool{
	"p2p " + string(message.Correction):         false,
	"entitlement " + string(message.Cancel):     true,
	"entitlement " + string(message.Identified): true,
}

// demoLibrary has the scenarios written, validated and armed for the match, each by who has that role. One that is
// there already is left as it is.
func demoLibrary(ctx context.Context, l *library.Library, all []*message.Scenario) error {
	for _, s := range all {
		if l.Get(s.ID) != nil {
			continue
		}
		if _, err := l.Import(ctx, demoAuthor, []*message.Scenario{s}); err != nil {
			return fmt.Errorf("the demo's messages: %w", err)
		}
		for _, step := range message.Steps() {
			review, unfinished := left[s.ID+" "+string(step)]
			if s.Messages[step] == nil || unfinished && !review {
				continue
			}
			e, err := l.Submit(ctx, demoAuthor, s.ID, step)
			if err == nil && !unfinished {
				_, err = l.Approve(ctx, demoValidator, s.ID, step, e.Scenario.Hash(step))
			}
			if err == nil && !unfinished {
				_, err = l.Arm(ctx, demoUser, s.ID, step, demoMatch)
			}
			if err != nil {
				return fmt.Errorf("the demo's messages: %w", err)
			}
		}
	}
	return nil
}

const demoContacts = 5000

// demoAudience imports invented people, unless there are some, and saves segments of them.
func demoAudience(ctx context.Context, b *audience.Book) error {
	n, err := b.Contacts(ctx)
	if err != nil {
		return err
	}
	if n == 0 {
		var csv bytes.Buffer
		writeContacts(&csv, demoContacts)
		if _, err := b.Import(ctx, &csv, audience.ImportOptions{Format: "csv", Name: "contacts.csv", By: demoUser}); err != nil {
			return fmt.Errorf("the demo's contacts: %w", err)
		}
	}
	for _, s := range []audience.Segment{
		{ID: "everyone", Name: "Tous les abonnés"},
		{ID: "house", Name: "La maison, servie la première", Canary: true, Where: []audience.Condition{{Attribute: "role", Values: []string{"equipe"}}}},
		{ID: "free", Name: "Abonnés de Free", Where: []audience.Condition{{Attribute: "isp", Values: []string{"Free"}}}},
	} {
		if b.Segment(s.ID) != nil {
			continue
		}
		s.By = demoUser
		if _, err := b.SaveSegment(ctx, s, time.Time{}); err != nil {
			return fmt.Errorf("the demo's segment %s: %w", s.ID, err)
		}
	}
	return nil
}

// writeContacts invents people: the same ones each time. Their numbers are from the range that is nobody's.
func writeContacts(w io.Writer, n int) {
	random := rand.New(rand.NewPCG(1998, 7))
	of := func(choices ...string) string { // each as often as it stands there
		return choices[random.IntN(len(choices))]
	}
	agreed := func(share float64) string {
		if random.Float64() < share {
			return "oui"
		}
		return "non"
	}
	phones := random.Perm(10_000)
	fmt.Fprintln(w, "id;email;phone;lang;email_agree;sms_agree;isp;offer;region;role")
	for i := range n {
		id, phone, lang, role := contactID(i), fmt.Sprintf("+3363998%04d", phones[i]), of("fr", "fr", "fr", "fr", "fr", "fr", "fr", "fr", "en", ""), ""
		mails, messages := agreed(0.7), agreed(0.8)
		switch {
		case i < 5: // the house's own
			role, mails, messages, lang = "equipe", "oui", "oui", []string{"fr", "fr", "en", "fr", "fr"}[i]
		case random.IntN(30) == 0:
			phone = ""
		}
		isp := of("Orange", "Orange", "Orange", "Orange", "Free", "Free", "SFR", "SFR", "Bouygues Telecom")
		offer := of("gratuit", "gratuit", "gratuit", "sport", "sport", "famille")
		region := of("idf", "idf", "idf", "ara", "paca", "occitanie", "bretagne", "hdf", "grand-est", "outre-mer")
		fmt.Fprintf(w, "%s;%s@courriel.example;%s;%s;%s;%s;%s;%s;%s;%s\n", id, id, phone, lang, mails, messages, isp, offer, region, role)
	}
}

func contactID(i int) string { return fmt.Sprintf("c-%05d", i+1) }

// crisisHelp tells how to try it.
func crisisHelp(out io.Writer, cfg *Config, password string, phone *demoPhone) {
	fmt.Fprintf(out, "  What viewers see:  %s/status/\n\n", cfg.Collectors.PublicURL)
	fmt.Fprintf(out, "  A crisis, by two people:\n")
	fmt.Fprintf(out, "    1  start an incident, wait for its alert, and open a crisis from it\n")
	fmt.Fprintf(out, "    2  prepare a message there, and check it\n")
	fmt.Fprintf(out, "    3  in a private window sign in as %s, read it, type how many will be told, and send it\n", demoSecond)
	fmt.Fprintf(out, "    %s writes messages, %s validates them, %s sends; the password of each: %s\n", demoAuthor, demoValidator, demoSecond, password)
	if phone == nil {
		fmt.Fprintf(out, "    (--control off: no telephone rings; the status page and the banner are told)\n")
	}
	fmt.Fprintln(out)
}

// demoAccounts makes the accounts. Nobody knows the password of the one behind the printed link.
func demoAccounts(ctx context.Context, p *People, password, unknown string) error {
	have, err := p.List(ctx)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, u := range have {
		known[u.Name] = true
	}
	for _, one := range demoPeople {
		secret := password
		if one.name == demoUser {
			secret = unknown
		}
		switch {
		case !known[one.name]:
			err = p.Add(ctx, one.name, one.display, one.roles, "", secret)
		case one.name != demoUser: // a folder that was used before: what is printed holds
			err = p.SetPassword(ctx, one.name, secret)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
