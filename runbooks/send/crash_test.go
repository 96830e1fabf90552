package send

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
	"vigie/internal/provider/mail"
	gateways "vigie/internal/provider/sms"
	"vigie/internal/state"
	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
	"vigie/runbooks/email"
	"vigie/runbooks/sms"
)

// child is a worker in a process of its own, which is killed.
type child struct {
	NATS, Gateway, Mail, Owner string
	People, Canary             int
}

const childVariable = "VIGIE_SEND_CHILD"

func TestMain(m *testing.M) {
	if config := os.Getenv(childVariable); config != "" {
		if err := runChild(config); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		f.Value.Set("8") // most of the time they wait: for holds, for who is dead, for answers that do not come
	}
	os.Exit(m.Run())
}

func runChild(config string) error {
	var c child
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	ctx := context.Background()
	b, err := bus.Open(ctx, bus.Config{URL: c.NATS, Log: log})
	if err != nil {
		return err
	}
	kv, err := b.KV(ctx, "sends")
	if err != nil {
		return err
	}
	s := state.New(kv, log)
	phones, mails := invented(c.People, c.Canary), mailed(invented(c.People, c.Canary))
	room := NewRoom(RoomConfig{Bus: b, KV: kv, State: s, Accounts: crashAccounts, Log: log, Lists: func(_ context.Context, id string) (audience.List, error) {
		if id == mails.frozen.ID {
			return mails, nil
		}
		return phones, nil
	}})
	if err := s.Load(ctx); err != nil {
		return err
	}
	go s.Run(ctx)
	go room.Run(ctx)
	text, err := sms.New(sms.Config{Gateway: gateways.Config{Provider: "generic", URL: c.Gateway + "/send", Answer: "id", Fields: map[string]string{"to": "{to}", "text": "{text}", "id": "{id}"}}})
	if err != nil {
		return err
	}
	host, port, _ := strings.Cut(c.Mail, ":")
	at, _ := strconv.Atoi(port)
	letters, err := email.New(email.Config{Server: mail.Config{Host: host, Port: at, TLS: mail.None, From: "Vigie <vigie@example.com>", Sessions: 16}})
	if err != nil {
		return err
	}
	return NewWorker(WorkerConfig{Room: room, Channels: map[string]channel.Channel{"sms": text, "mail": letters}, Owner: c.Owner, DeadAfter: 4 * time.Second, Log: log}).Run(ctx)
}

var crashAccounts = []Account{
	{ID: "sms", Kind: channel.SMS, Parallel: 16, Timeout: time.Second},
	{ID: "mail", Kind: channel.Email, Parallel: 16, Timeout: time.Second},
}

// mailed are people with mail addresses.
func mailed(p *people) *people {
	p.frozen.Kind, p.frozen.ID, p.frozen.Hash = channel.Email, "mails", "mails"
	for i := range p.all {
		p.all[i].To = fmt.Sprintf("p%d@example.com", i)
	}
	return p
}

// Three processes tell many people by short message and by mail, through a gateway and a mail server that lose
// answers, refuse, are busy and hang, and are killed at random moments. What is counted is counted by those who took it.
//
// VIGIE_SEND_PEOPLE=100000 tells as many, of each channel.
func TestKilledAtAnyMomentNobodyIsToldTwice(t *testing.T) {
	t.Parallel()
	n := 1500
	if text := os.Getenv("VIGIE_SEND_PEOPLE"); text != "" {
		n, _ = strconv.Atoi(text)
	} else if testing.Short() {
		t.Skip("some 40 s of killing")
	}
	nats := bustest.Serve(t)
	b, err := bus.Open(t.Context(), bus.Config{URL: nats.ClientURL(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)

	g := newGateway(t)
	g.mood = func(string) mood {
		switch x := rand.IntN(1000); {
		case x < 5:
			return takesAndHangs
		case x < 15:
			return takesAndFails
		case x < 25:
			return takesAndBreaks
		case x < 35:
			return refuses
		case x < 37:
			return isBusy
		case x < 45:
			return breaksBefore
		}
		return takes
	}
	post := newMails(t)

	phones, mails := invented(n, 10), mailed(invented(n, 10))
	h := newHouse(t, b, crashAccounts, phones, mails)
	now := time.Now().UTC()
	sms, mail := phones.leg("sms"), mails.leg("mail")
	mail.Kind = channel.Email
	sms.Forgiven, mail.Forgiven = now.Add(24*time.Hour), now.Add(24*time.Hour) // of what the killing does nobody is asked
	s := confirmed("s1", false, sms, mail)
	s.Rendered.Texts[channel.Email] = s.Rendered.Texts[channel.Status]
	s.Digest = s.digest()
	h.begin(t, s)

	stop, done := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	kills := 0
	go func() {
		defer close(done)
		workers := make([]*exec.Cmd, 3)
		for life := 0; ; life++ {
			for i := range workers {
				if workers[i] == nil {
					workers[i] = startChild(t, child{NATS: nats.ClientURL(), Gateway: g.URL, Mail: post.at, Owner: fmt.Sprintf("w%d-%d", i, life), People: n, Canary: 10})
				}
			}
			select {
			case <-stop:
				for _, w := range workers {
					w.Process.Kill()
					w.Wait()
				}
				return
			case <-time.After(time.Duration(700+rand.IntN(2500)) * time.Millisecond):
			}
			i := rand.IntN(len(workers))
			mu.Lock()
			enough := kills >= max(12, n/500)
			if !enough {
				kills++
			}
			mu.Unlock()
			if enough {
				continue
			}
			workers[i].Process.Kill() // SIGKILL
			workers[i].Wait()
			workers[i] = nil
		}
	}()
	begun := time.Now()
	for h.Get("s1") == nil || h.Get("s1").Ended.IsZero() {
		if time.Since(begun) > 5*time.Minute+time.Duration(n)*20*time.Millisecond {
			t.Fatalf("it does not end: %+v", h.Progress("s1"))
		}
		p := h.Progress("s1")
		for i := range p.Legs { // at all times each stands in one state
			sum := 0
			for _, o := range Outcomes() {
				sum += p.Legs[i].Get(o)
			}
			if sum != p.Legs[i].Size {
				t.Fatalf("leg %d: %v adds up to %d of %d", i, p.Legs[i].Of, sum, p.Legs[i].Size)
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	took := time.Since(begun)
	time.Sleep(2 * time.Second) // for who would still tell
	close(stop)
	<-done
	s = h.ended(t, "s1")
	whole(t, s)
	if s.State != Faulty {
		t.Errorf("it is %s: answers were lost", s.State)
	}
	texts, textsTwice := g.count()
	posted, postedTwice := post.count()
	for i, c := range []struct {
		name         string
		taken, twice int
		of           func(i int) bool
	}{
		{"short messages", texts, textsTwice, func(i int) bool { return len(g.taken[phones.all[i].To]) > 0 }},
		{"mails", posted, postedTwice, func(i int) bool { return post.taken[mails.all[i].To] > 0 }},
	} {
		tally := s.Legs[i].Tally
		if c.twice > 0 {
			t.Errorf("%s: %d people were told twice", c.name, c.twice)
		}
		if tally.Get(Accepted)+tally.Get(Delivered) > c.taken || tally.Get(Accepted)+tally.Get(Unknown) < c.taken {
			t.Errorf("%s: %v, and the receiver took %d", c.name, tally.Of, c.taken)
		}
		l := h.ledger("s1")
		for p := range n { // person by person
			switch o, taken := l.at(i, p).outcome, c.of(p); {
			case o == Accepted && !taken, o == Refused && taken:
				t.Fatalf("%s: person %d is %s, and taken is %v", c.name, p, o, taken)
			}
		}
		t.Logf("%s: %d people, %d kills, %s: %d accepted, %d unknown, %d refused; the receiver took %d, %d of them twice", c.name, n, kills, took.Round(time.Second),
			tally.Get(Accepted), tally.Get(Unknown), tally.Get(Refused), c.taken, c.twice)
	}
}

func startChild(t *testing.T, c child) *exec.Cmd {
	config, err := json.Marshal(c)
	if err != nil {
		t.Error(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(config))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Error(err)
	}
	return cmd
}

// mails is a mail server that counts whom it took a message for, and loses some of its answers.
type mails struct {
	at    string
	mu    sync.Mutex
	taken map[string]int
}

func newMails(t *testing.T) *mails {
	m := &mails{taken: map[string]int{}}
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &mailbox{mails: m, conn: c}, nil }))
	s.Domain, s.ErrorLog = "localhost", log.New(io.Discard, "", 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.at = l.Addr().String()
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return m
}

func (m *mails) count() (people, twice int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range m.taken {
		if people++; n > 1 {
			twice++
		}
	}
	return people, twice
}

type mailbox struct {
	mails *mails
	conn  *smtp.Conn
	to    string
}

func (b *mailbox) Reset()                               {}
func (b *mailbox) Logout() error                        { return nil }
func (b *mailbox) Mail(string, *smtp.MailOptions) error { return nil }
func (b *mailbox) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch x := rand.IntN(1000); {
	case x < 10:
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.NoEnhancedCode, Message: "no such mailbox"}
	case x < 20:
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.NoEnhancedCode, Message: "later"}
	}
	b.to = to
	return nil
}

func (b *mailbox) Data(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	b.mails.mu.Lock()
	b.mails.taken[b.to]++
	b.mails.mu.Unlock()
	if rand.IntN(100) == 0 {
		b.conn.Conn().Close() // it was taken, and nobody hears so
	}
	return nil
}
