package app

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"golang.org/x/sync/errgroup"

	"vigie/internal/simulate"
)

//go:embed demo.yaml
var demoYAML []byte

// DemoOptions are what `vigie demo` may be told.
type DemoOptions struct {
	People, Machines, Syslog, Control string // addresses; "": the usual ones
	Viewers                           int
	Speed, Rate                       float64
	Seed                              uint64
	History                           time.Duration // 0: an hour
	Lead                              time.Duration // from the start to kick-off; 0: 3 minutes
	NoEarlier                         bool          // leave the semi-final out of the past
	Folder                            string        // "": a temporary one, removed at the end
	Keys                              io.Reader     // a byte starts or ends an incident; nil: none
	Out                               io.Writer     // what people read
	Log                               *slog.Logger

	earlier *simulate.Match // told once History is; nil: none
	phone   *demoPhone
}

const demoUser = "demo"

// Demo runs everything embedded with the simulated final, until ctx ends.
func Demo(ctx context.Context, opt DemoOptions) error {
	folder := opt.Folder
	if folder == "" {
		var err error
		if folder, err = os.MkdirTemp("", "vigie-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(folder)
	} else if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("--folder: %w", err)
	}
	cfg, err := Read(bytes.NewReader(demoYAML))
	if err != nil {
		return fmt.Errorf("demo.yaml: %w", err)
	}
	cfg.Data = filepath.Join(folder, "data")
	cfg.Listen = ListenConfig{People: opt.People, Machines: opt.Machines, SyslogUDP: opt.Syslog, SyslogTCP: opt.Syslog}
	tokens := map[string]string{}
	for i := range cfg.Sources {
		s := &cfg.Sources[i]
		s.Token = rand.Text()
		tokens[s.ID] = s.Token
	}
	cfg.defaults()
	if opt.Control == "" {
		opt.Control = "127.0.0.1:8082"
	}
	cfg.Web.PublicURL = "http://" + browsable(cfg.Listen.People)
	opt.phone = newDemoPhone(opt.Control, opt.Out)
	if err := demoAlerts(cfg, opt.phone); err != nil {
		return err
	}
	if err := demoCrises(cfg, opt.phone); err != nil {
		return err
	}

	now := time.Now().Truncate(time.Second)
	if opt.Lead == 0 {
		opt.Lead = 3 * time.Minute
	}
	if opt.History == 0 {
		opt.History = time.Hour
	}
	simulation := simulate.Config{
		Seed: opt.Seed, Viewers: opt.Viewers, Speed: opt.Speed, Rate: opt.Rate, Start: now, KickOff: now.Add(opt.Lead).Truncate(time.Minute),
		Collectors: "http://" + cfg.Listen.Machines, Syslog: cfg.Listen.SyslogTCP, SyslogNetwork: "udp", Tokens: tokens, Log: opt.Log,
		Progress: progressLine(opt.Out, "The past is being told"),
	}
	match, err := simulate.New(simulation)
	if err != nil {
		return err
	}
	cfg.Calendar = demoCalendar(match)
	if !opt.NoEarlier && (opt.Speed == 0 || opt.Speed == 1) {
		earlier := simulation
		earlier.Progress = progressLine(opt.Out, "The semi-final is being told")
		if opt.earlier, err = semiFinal(earlier, semiFinalPace); err != nil {
			return err
		}
	}
	requests, sessions := match.Weights()
	for i := range cfg.Sources {
		switch s := &cfg.Sources[i]; s.Format {
		case "beacon":
			s.Weight = float64(sessions)
		case "prometheus": // tells sums
		default:
			s.Weight = float64(requests)
		}
	}
	cfg.Collectors.Beacons.Weight = float64(sessions)
	networks := filepath.Join(folder, "networks.mmdb")
	if err := writeNetworks(networks, match.AddressPlan()); err != nil {
		return err
	}
	cfg.Enrich.ASNFiles = []string{networks}
	if err := cfg.check(); err != nil {
		return fmt.Errorf("demo.yaml: %w", err)
	}
	password := strings.ToLower(rand.Text()[:4] + "-" + rand.Text()[:4] + "-" + rand.Text()[:4])
	people, err := OpenPeople(ctx, cfg, opt.Log)
	if err != nil {
		return err
	}
	err = demoAccounts(ctx, people, password, rand.Text())
	if people.Close(); err != nil {
		return err
	}

	token := rand.Text()
	ready, shown := make(chan Addresses, 1), make(chan struct{})
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return Run(ctx, cfg, Options{
			Log: opt.Log, DemoToken: token, DemoUser: demoUser, Ready: func(a Addresses) { ready <- a; close(shown) },
			stage: func(ctx context.Context, m *messaging) error {
				select { // the board comes first
				case <-shown:
					return demoStage(ctx, m)
				case <-ctx.Done():
					return nil
				}
			},
		})
	})
	g.Go(func() error {
		var at Addresses
		select {
		case at = <-ready:
		case <-ctx.Done():
			return nil
		}
		fmt.Fprintf(opt.Out, "\n  The room is open:  http://%s/demo/%s\n", browsable(at.People), token)
		crisisHelp(opt.Out, cfg, password, opt.phone)
		// The live part begins now, however long the engine took to start: history ends where it begins.
		simulation.Start = time.Now().Truncate(time.Second)
		match, err := simulate.New(simulation)
		if err != nil {
			return err
		}
		return play(ctx, match, simulation.Start.Add(-opt.History), simulation.Start, opt)
	})
	return g.Wait()
}

// play sends the live match at once, for that is what people came to see, and the past beside it: its
// own first.
func play(ctx context.Context, match *simulate.Match, from, now time.Time, opt DemoOptions) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return ended(ctx, match.Run(ctx)) })
	if !from.IsZero() {
		g.Go(func() error {
			if err := match.History(ctx, from, now); err != nil || opt.earlier == nil {
				return ended(ctx, err)
			}
			kickOff := opt.earlier.KickOff()
			return ended(ctx, opt.earlier.History(ctx, kickOff.Add(semiFinalFrom), kickOff.Add(semiFinalUntil)))
		})
	}
	if opt.Control != off {
		l, err := net.Listen("tcp", opt.Control)
		if err != nil {
			return fmt.Errorf("--control: %w", err)
		}
		mux := http.NewServeMux()
		mux.Handle("/", match.Handler())
		opt.phone.doors(mux)
		s := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second}
		stop := context.AfterFunc(ctx, func() { s.Close() })
		defer stop()
		g.Go(func() error {
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
		fmt.Fprintf(opt.Out, "  Incidents:         curl -X POST 'http://%s/incidents/saturation?isp=free&cdn=cloudfront&for=5m'\n", l.Addr())
	}
	if opt.Keys != nil {
		fmt.Fprint(opt.Out, keysHelp)
		go incidentKeys(ctx, match, opt.Keys, opt.Out)
	}
	return g.Wait()
}

// ended is nil when what ended was asked to.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

const keysHelp = `  Or type a key and Enter:
    1  the interconnect between Free and CloudFront saturates
    2  Akamai answers with errors
    3  the measuring tool Mux falls silent
    4  Akamai's logs come 30 s later
    5  an attack
    6  a player's release rebuffers
    7  people cannot sign in
    0  all of it ends
`

func incidentKeys(ctx context.Context, match *simulate.Match, keys io.Reader, out io.Writer) {
	incidents := map[byte]simulate.Incident{
		'1': {Kind: simulate.Saturation, ISP: "free", CDN: "cloudfront"},
		'2': {Kind: simulate.CDN5xx, CDN: "akamai", Share: 0.08},
		'3': {Kind: simulate.Silence, Source: "mux"},
		'4': {Kind: simulate.Late, Source: "akamai", Delay: 30 * time.Second},
		'5': {Kind: simulate.Attack, CDN: "akamai", Share: 0.4},
		'6': {Kind: simulate.PlayerRelease, Device: "tv", Player: "tele-tv 4.2.2", Share: 0.5},
		'7': {Kind: simulate.Degraded, Service: "login"},
	}
	buf := make([]byte, 1)
	for ctx.Err() == nil {
		if _, err := keys.Read(buf); err != nil {
			return
		}
		if buf[0] == '0' {
			for _, in := range match.Incidents() {
				match.End(in.ID)
			}
			fmt.Fprintln(out, "  all incidents end")
			continue
		}
		in, ok := incidents[buf[0]]
		if !ok {
			continue
		}
		in.For = 5 * time.Minute
		if started, err := match.Inject(in); err != nil {
			fmt.Fprintln(out, "  not started:", err)
		} else {
			fmt.Fprintf(out, "  %s started, for 5 minutes (%s)\n", started.Kind, started.ID)
		}
	}
}

// progressLine tells every 5 s how far something is.
func progressLine(out io.Writer, what string) func(simulate.Progress) {
	var told time.Time
	return func(p simulate.Progress) {
		if p.Done < p.Total && time.Since(told) < 5*time.Second {
			return
		}
		told = time.Now()
		fmt.Fprintf(out, "  %s: %3.0f %% of %s, %d lines\n", what, 100*float64(p.Done)/float64(p.Total), p.Total, p.Lines)
	}
}

func browsable(at string) string {
	host, port, err := net.SplitHostPort(at)
	if err == nil && net.ParseIP(host).IsLoopback() {
		return net.JoinHostPort("localhost", port)
	}
	return at
}

// writeNetworks writes the simulated networks as an MMDB file, as a collector finds a real one.
func writeNetworks(path string, plan []simulate.Network) error {
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "GeoLite2-ASN", RecordSize: 24, IncludeReservedNetworks: true})
	if err != nil {
		return err
	}
	for _, n := range plan {
		if n.ASN == 0 {
			continue
		}
		_, ipnet, err := net.ParseCIDR(n.Prefix.String())
		if err != nil {
			return err
		}
		if err := tree.Insert(ipnet, mmdbtype.Map{
			"autonomous_system_number":       mmdbtype.Uint32(n.ASN),
			"autonomous_system_organization": mmdbtype.String(n.Name),
		}); err != nil {
			return fmt.Errorf("networks: %s: %w", n.Prefix, err)
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := tree.WriteTo(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
