package simulate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a match needs. Zero values are defaults where one is named.
type Config struct {
	Scenario *Scenario // nil is Final
	Seed     uint64
	Viewers  int     // concurrent at the audience's peak; 0 is the scenario's
	Speed    float64 // of the match's clock from Start on, 0.1 to 600; 0 is 1
	Rate     float64 // log lines in a second at the peak, all CDNs together; 0 is 1500

	Start   time.Time // wall clock; 0 is now. Speed and the live part begin here
	KickOff time.Time // wall clock; 0 is the scenario's lead after Start

	Collectors    string            // base URL; empty is http://127.0.0.1:8081
	Syslog        string            // host:port; empty is 127.0.0.1:5514
	SyslogNetwork string            // udp (as nginx does; lines may be lost) or tcp; empty is udp
	Tokens        map[string]string // by source; "user:password" is sent as Basic, others as Bearer. Where it is not nil and has none for the backends' scrapes, these are not sent

	Past        time.Duration  // how far before Start the population exists, and so how old history can be; 0 is 6 h
	HistoryRate float64        // log lines for each second of history, on average; 0 is 350
	HistoryPace float64        // lines and beacons of history sent in a second, at most; 0 is as fast as the collectors take them
	Progress    func(Progress) // called by History, from its goroutine; may be nil
	Truth       io.Writer      // receives the truth when Run ends; may be nil
	Log         *slog.Logger   // nil is silent
	Client      *http.Client   // nil is a client of the match's own
}

// Progress says how far History is.
type Progress struct {
	Done, Total time.Duration // of event time; Done grows only
	Lines       int           // lines and beacons sent so far
}

// Match is a scenario being played. Its methods are safe for concurrent use.
type Match struct {
	cfg    Config
	cast   *cast
	ledger *ledger
	log    *slog.Logger

	playing   atomic.Bool
	next      int64 // the first second that Run has not sent; owned by the Run that plays
	mu        sync.Mutex
	incidents []*Incident // never changed in place
	injected  int
	senders   []*sender
	syslogs   []*syslogger
}

// New checks the configuration and casts the match: it draws every session from Config.Past before
// Start to the scenario's end, which takes a fraction of a second and some megabytes.
func New(cfg Config) (*Match, error) {
	if cfg.Scenario == nil {
		s, err := Final()
		if err != nil {
			return nil, err
		}
		cfg.Scenario = s
	}
	s := cfg.Scenario
	setDefault(&cfg.Viewers, s.Viewers)
	setDefault(&cfg.Speed, 1)
	setDefault(&cfg.Rate, 1500)
	setDefault(&cfg.HistoryRate, 350)
	setDefault(&cfg.Past, 6*time.Hour)
	setDefault(&cfg.Collectors, "http://127.0.0.1:8081")
	setDefault(&cfg.Syslog, "127.0.0.1:5514")
	setDefault(&cfg.SyslogNetwork, "udp")
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Client == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = 32
		cfg.Client = &http.Client{Transport: transport}
	}
	if cfg.Start.IsZero() {
		cfg.Start = time.Now()
	}
	cfg.Start = cfg.Start.Truncate(time.Second)
	var c checker
	c.between("Viewers", float64(cfg.Viewers), 1, 1e9)
	c.between("Speed", cfg.Speed, 0.1, 600)
	c.between("Rate", cfg.Rate, 1, 1e6)
	c.between("HistoryRate", cfg.HistoryRate, 1, 1e6)
	c.between("HistoryPace", cfg.HistoryPace, 0, 1e9)
	c.between("Past", cfg.Past.Hours(), 0, 24)
	if u, err := url.Parse(cfg.Collectors); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		c.fail("Collectors", "%q is not an http or https URL", cfg.Collectors)
	}
	if c.err != nil {
		return nil, fmt.Errorf("simulate: %w", c.err)
	}
	if err := checkSyslog(cfg.SyslogNetwork, cfg.Syslog); err != nil {
		return nil, err
	}
	cfg.Collectors = strings.TrimSuffix(cfg.Collectors, "/")

	ck := clock{start: cfg.Start, lead: s.Lead, speed: cfg.Speed}
	if !cfg.KickOff.IsZero() {
		ck.lead = cfg.KickOff.Sub(cfg.Start)
		if ck.lead > 0 {
			ck.lead = time.Duration(float64(ck.lead) * cfg.Speed)
		}
	}
	m := &Match{cfg: cfg, log: cfg.Log}
	m.cast = newCast(s, cfg.Seed, ck, cfg.Viewers, cfg.Rate, cfg.Past)
	m.ledger = newLedger(m.cast)
	for i, in := range s.Incidents {
		in.ID = "scheduled-" + strconv.Itoa(i+1)
		in.Start, in.End = ck.wall(in.At), ck.wall(in.At+in.For)
		m.incidents = append(m.incidents, &in)
	}
	return m, nil
}

// KickOff is the wall-clock time of kick-off.
func (m *Match) KickOff() time.Time { return m.cast.clock.wall(0) }

// MatchTime is the time since kick-off at a wall-clock time, negative before it.
func (m *Match) MatchTime(wall time.Time) time.Duration { return m.cast.clock.match(wall) }

// WallTime is when the match's clock shows a time since kick-off.
func (m *Match) WallTime(match time.Duration) time.Time { return m.cast.clock.wall(match) }

// Audience is how many people watch at a wall-clock time, incidents aside: a forecast.
func (m *Match) Audience(wall time.Time) int {
	return int(float64(m.cfg.Viewers) * m.cast.audience.at(m.cast.clock.match(wall)))
}

// Ends is the wall-clock time of the scenario's last point, where Run returns.
func (m *Match) Ends() time.Time { return time.Unix(m.cast.people.to, 0) }

// Weights are how many requests a log line and how many viewers a session stand for, live.
// The collectors need the first for syslog and the second for /beacon.
func (m *Match) Weights() (requests, sessions int) {
	return m.cast.requestWeight, m.cast.sessionWeight
}

// AddressPlan lists the networks that clients write from.
func (m *Match) AddressPlan() []Network { return m.cfg.Scenario.AddressPlan() }

// Truth is what the collectors acknowledged so far, live and history.
func (m *Match) Truth() Truth { return m.ledger.truth() }

// Stats are the counts of every sender that Run and History started.
func (m *Match) Stats() []SenderStats {
	m.mu.Lock()
	senders, syslogs := slices.Clone(m.senders), slices.Clone(m.syslogs)
	m.mu.Unlock()
	var all []SenderStats
	for _, s := range senders {
		all = append(all, s.snapshot())
	}
	for _, s := range syslogs {
		all = append(all, s.snapshot())
	}
	return all
}

// Inject makes something go wrong from the next second on. It returns the incident with its id, its
// times and its defaults.
func (m *Match) Inject(in Incident) (Incident, error) {
	if in.At != 0 {
		return Incident{}, errors.New("inject incident: at: means nothing to an incident that starts now")
	}
	if err := m.cfg.Scenario.check(&in); err != nil {
		return Incident{}, fmt.Errorf("inject incident: %w", err)
	}
	now := time.Now()
	in.Start = now.Truncate(time.Second).Add(time.Second)
	in.End = in.Start.Add(in.For)
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := slices.Clone(m.incidents)
	if len(kept) >= maxIncidents {
		i := slices.IndexFunc(kept, func(in *Incident) bool { return in.End.Before(now) })
		if i < 0 {
			return Incident{}, fmt.Errorf("inject incident: %d are in force or to come already", maxIncidents)
		}
		kept = slices.Delete(kept, i, i+1)
	}
	m.injected++
	in.ID = "injected-" + strconv.Itoa(m.injected)
	m.incidents = append(kept, &in)
	return in, nil
}

// End makes an incident fade now, or never come. The error is ErrNoIncident when there is none.
func (m *Match) End(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, in := range m.incidents {
		if in.ID != id {
			continue
		}
		ended := *in
		if now := time.Now().Truncate(time.Second).Add(time.Second); ended.End.After(now) {
			ended.End = now
		}
		m.incidents = slices.Clone(m.incidents)
		if ended.End.After(ended.Start) {
			m.incidents[i] = &ended
		} else {
			m.incidents = slices.Delete(m.incidents, i, i+1)
		}
		return nil
	}
	return fmt.Errorf("end incident %q: %w", id, ErrNoIncident)
}

// Incidents lists what was, is and will be wrong, in order of start.
func (m *Match) Incidents() []Incident {
	var all []Incident
	for _, in := range m.current() {
		all = append(all, *in)
	}
	slices.SortStableFunc(all, func(a, b Incident) int { return a.Start.Compare(b.Start) })
	return all
}

func (m *Match) current() []*Incident {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.incidents
}

// interference says whether a source is silent at a second, and how late its batches leave.
func interference(incidents []*Incident, source string, sec int64) (silent bool, delay time.Duration) {
	for _, in := range incidents {
		if in.Source == source && in.inForce(sec) {
			switch in.Kind {
			case Silence:
				silent = true
			case Late:
				delay = max(delay, in.Delay)
			}
		}
	}
	return silent, delay
}

// Run sends the match live, to the scenario's end or until ctx ends. It begins at Start, or now if
// that is more than ten seconds ago, or where an earlier Run stopped; so a History that ends at Start
// leaves no hole. It then gives the senders up to five seconds to deliver what is queued, writes the truth
// to Config.Truth and returns. It fails when it already runs or the truth cannot be written.
func (m *Match) Run(ctx context.Context) error {
	if !m.playing.CompareAndSwap(false, true) {
		return errors.New("simulate: the match is already running")
	}
	defer m.playing.Store(false)
	from := max(m.cfg.Start.Unix(), m.next)
	if now := time.Now().Unix(); now-from > maxLag {
		from = now
	}
	m.next = m.play(ctx, from, m.cast.people.to, true)
	if m.cfg.Truth != nil {
		if _, err := m.Truth().WriteTo(m.cfg.Truth); err != nil {
			return fmt.Errorf("simulate: write truth: %w", err)
		}
	}
	return nil
}

// maxLag is the seconds that a match makes up for when it was held up; it skips more than that.
const maxLag = 10

// drain is how long senders may still deliver once the match is over.
const drain = 5 * time.Second

// play sends the seconds from..to, each at its moment if paced, and returns the first not sent.
func (m *Match) play(ctx context.Context, from, to int64, paced bool) int64 {
	st := m.newStage(from, paced)
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var wg sync.WaitGroup
	for _, s := range st.senders {
		wg.Go(func() { s.run(sending) })
	}
	for _, s := range st.syslogs {
		if s != nil {
			wg.Go(func() { s.run(sending) })
		}
	}
	sec := from
	for ; sec < to && ctx.Err() == nil; sec++ {
		if paced {
			if !sleepUntil(ctx, time.Unix(sec, 0)) {
				break
			}
			if lag := time.Now().Unix() - sec; lag > maxLag {
				m.log.Warn("the simulator was held up and skips seconds", "seconds", lag)
				sec += lag
			}
		}
		incidents := m.current()
		st.post(incidents, sec)
		st.second(incidents, sec)
	}
	st.close()
	last := time.AfterFunc(drain, stop)
	defer last.Stop()
	wg.Wait()
	return sec
}

// sleepUntil waits, and says whether ctx is still alive.
func sleepUntil(ctx context.Context, t time.Time) bool {
	if wait := time.Until(t); wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// meanAudience is the mean of the audience's curve between two wall-clock times.
func (m *Match) meanAudience(from, to time.Time) float64 {
	var sum float64
	const points = 60
	for i := range points {
		at := from.Add(to.Sub(from) * time.Duration(2*i+1) / (2 * points))
		sum += m.cast.audience.at(m.cast.clock.match(at))
	}
	return max(sum/points, math.SmallestNonzeroFloat64)
}
