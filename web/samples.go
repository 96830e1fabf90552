package web

import (
	"context"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"vigie/cockpit"
)

// sampleWait bounds the search for raw lines, which nobody prepared.
const sampleWait = 10 * time.Second

// samplesView is the latest raw lines of a sight, as a CDN logged them.
type samplesView struct {
	Chips     []scopeChip
	When      string
	Zone      string
	Board     string // address of the board with the same sight
	Keep      []hiddenView
	Failed    bool
	Status    string
	PoP       string
	PoPs      []string
	AllURL    string
	FailedURL string
	Count     string
	Rows      []sampleView
}

type sampleView struct {
	At, Moment                                  string
	CDN, ISP, Channel, PoP, Method, Path, Cache string
	Status, Bytes, FirstByte, Duration          string
	Outcome                                     healthView // of the line itself
	Said                                        string     // aborted, or refused by a rule
	Client, Player                              string
}

// samplesURL is the page of raw lines of a sight, with what chooses among them.
func samplesURL(sight cockpit.Sight, filter url.Values) string {
	q := sightQuery(cockpit.Sight{Scope: sight.Scope, From: sight.From, To: sight.To})
	for key, values := range filter {
		q[key] = values
	}
	return "/samples?" + q.Encode()
}

// parseSampleFilter reads failed=1, status=503 and pop=CDG from an address.
func parseSampleFilter(q url.Values) (f cockpit.SampleFilter, ok bool) {
	f.Failed = q.Get("failed") != ""
	if v := q.Get("status"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n > 999 {
			return f, false
		}
		f.Status = n
	}
	f.PoP = q.Get("pop")
	if len(f.PoP) > maxSightText || !utf8.ValidString(f.PoP) {
		return f, false
	}
	for _, r := range f.PoP {
		if !unicode.IsPrint(r) {
			return f, false
		}
	}
	return f, true
}

// showSamples asks for the lines when someone looks; they are of that moment and do not go on.
func (s *Server) showSamples(c echo.Context) error {
	if s.config.Samples == nil {
		return echo.ErrNotFound
	}
	q := c.QueryParams()
	sight, ok := parseSight(q)
	filter, readable := parseSampleFilter(q)
	if !ok || !readable {
		return echo.ErrBadRequest
	}
	p := s.scene(cockpit.Sight{}).board.Load()
	if p == nil {
		return errNoBoard
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), sampleWait)
	defer cancel()
	samples, err := s.config.Samples(ctx, sight, filter)
	if err != nil {
		return err
	}
	l := s.localeOf(c)
	return render(c, http.StatusOK, samplesPage(s.shellView(c, l), newSamplesView(l, p.board, sight, filter, samples)))
}

func newSamplesView(l *locale, b *cockpit.Board, sight cockpit.Sight, f cockpit.SampleFilter, samples []cockpit.Sample) samplesView {
	k := look{locale: l, board: b, page: pageBoard}
	filter := url.Values{}
	if f.Status > 0 {
		filter.Set("status", strconv.Itoa(f.Status))
	}
	if f.PoP != "" {
		filter.Set("pop", f.PoP)
	}
	failed := func(filter url.Values) url.Values {
		with := url.Values{"failed": {"1"}}
		for key, values := range filter {
			with[key] = values
		}
		return with
	}
	all := filter
	if f.Failed {
		filter = failed(filter)
	}
	v := samplesView{
		Board: boardURL(sight, cockpit.MetricBits), Failed: f.Failed, Status: all.Get("status"), PoP: f.PoP,
		AllURL: samplesURL(sight, all), FailedURL: samplesURL(sight, failed(all)),
		Count: l.plural("samples.count", len(samples)), When: l.T("samples.latest"), Zone: "UTC",
	}
	if b.Match.Venue != nil {
		v.Zone = b.Match.Venue.String()
	}
	if !sight.Live() {
		v.When = stretch(b, time.Unix(sight.From, 0), time.Unix(sight.To, 0))
	}
	v.Chips = newChips(k, sight.Scope, func(sc cockpit.Scope) linkView {
		without := sight
		without.Scope = sc
		return linkView{Text: l.T("focus.drop"), URL: samplesURL(without, filter)}
	})
	keep := sightQuery(cockpit.Sight{Scope: sight.Scope, From: sight.From, To: sight.To})
	for _, key := range slices.Sorted(maps.Keys(keep)) {
		v.Keep = append(v.Keep, hiddenView{key, keep.Get(key)})
	}
	for i := range samples {
		row := newSample(k, &samples[i])
		v.Rows = append(v.Rows, row)
		if row.PoP != "" && !slices.Contains(v.PoPs, row.PoP) {
			v.PoPs = append(v.PoPs, row.PoP)
		}
	}
	slices.Sort(v.PoPs)
	return v
}

func newSample(k look, s *cockpit.Sample) sampleView {
	const short = 48
	zone := k.board.Match.Venue
	if zone == nil {
		zone = time.UTC
	}
	v := sampleView{
		At: s.At.In(zone).Format("15:04:05.000"), Moment: moment(k.board, s.At),
		CDN: foreign(cdnName(k.board, s.CDN), short), ISP: foreign(networkName(k.locale, s.ISP), short), Channel: foreign(s.Channel, short), PoP: foreign(s.PoP, short),
		Method: foreign(s.Method, 12), Path: foreign(s.Path, 200), Cache: foreign(s.Cache, 24), Status: strconv.Itoa(s.Status),
		Bytes:     k.scaled(float64(s.Bytes), k.T("unit.byte"), "k"+k.T("unit.byte"), "M"+k.T("unit.byte"), "G"+k.T("unit.byte")).String(),
		FirstByte: missing, Duration: missing, Client: foreign(s.Client, short), Player: foreign(s.Player, short),
	}
	if s.Status == 0 {
		v.Status = missing
	}
	if !math.IsNaN(s.FirstByte) {
		v.FirstByte = k.latency(s.FirstByte).String()
	}
	if !math.IsNaN(s.Duration) {
		v.Duration = k.latency(s.Duration).String()
	}
	switch {
	case s.Status >= 500:
		v.Outcome = newHealth(k.locale, cockpit.HealthCritical)
	case s.Aborted:
		v.Outcome, v.Said = newHealth(k.locale, cockpit.HealthWarning), k.T("samples.aborted")
	case s.Blocked:
		v.Outcome, v.Said = newHealth(k.locale, cockpit.HealthFine), k.T("samples.blocked")
	}
	return v
}
