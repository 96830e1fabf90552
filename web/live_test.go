package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/gorilla/websocket"

	"vigie/cockpit"
	"vigie/internal/account"
)

func TestSocketBeginsWithASnapshotThenTellsChanges(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	c := s.dial(t, s.signedIn(t, "viewer"), "metric=traffic&lang=fr")

	first := receive(t, c)
	if first.Kind != "snapshot" || first.Seq != 1 {
		t.Fatalf("the first frame is %s %d, want snapshot 1", first.Kind, first.Seq)
	}
	for _, id := range []string{"clock", "now", "axis", "worst", "matrix", "tile-viewers", "tile-traffic", "tile-errors", "tile-startup", "tile-rebuffering", "tools", "sources", "mesh", "services", "flow-head", "flow-table", "failing-head", "failing-table"} {
		if !strings.Contains(first.HTML[id], `id="`+id+`"`) {
			t.Errorf("the snapshot has no fragment with id %q", id)
		}
	}
	if points := chartOf(t, first, "flow").Lines[0].Points; len(points) < 900 {
		t.Errorf("the snapshot's chart has %d points, want the whole match", len(points))
	}

	s.Publish(final(t, 1))
	delta := receive(t, c)
	if delta.Kind != "delta" || delta.Seq != 2 || delta.From != 1 {
		t.Fatalf("the second frame is %s %d from %d, want delta 2 from 1", delta.Kind, delta.Seq, delta.From)
	}
	if _, ok := delta.HTML["tile-viewers"]; !ok {
		t.Error("the viewers changed and the delta does not say so")
	}
	if _, ok := delta.HTML["axis"]; ok {
		t.Error("the phases did not change and the delta has them nevertheless")
	}
	if points := chartOf(t, delta, "flow").Lines[0].Points; len(points) > 20 {
		t.Errorf("the delta's chart has %d points of which a few are new", len(points))
	}
}

func TestSocketAnswersAGapWithASnapshot(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	c := s.dial(t, s.signedIn(t, "viewer"), "metric=traffic&lang=en")
	receive(t, c)
	if err := c.WriteMessage(websocket.TextMessage, []byte(`{"resync":true}`)); err != nil {
		t.Fatal(err)
	}
	for tick := 1; tick < 50; tick++ { // the request and the boards race; a snapshot comes soon
		s.Publish(final(t, tick))
		if f := receive(t, c); f.Kind == "snapshot" {
			if f.Seq != uint64(tick+1) || len(f.HTML) < 10 {
				t.Errorf("the snapshot is %d with %d fragments", f.Seq, len(f.HTML))
			}
			return
		}
	}
	t.Error("no snapshot came after 50 boards")
}

func TestSocketBeatsWhileTheBoardIsLate(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	c := s.dial(t, s.signedIn(t, "viewer"), "metric=traffic&lang=en")
	receive(t, c)
	if f := receive(t, c); f.Kind != "beat" {
		t.Errorf("in silence came %s, want a beat", f.Kind)
	}
}

func TestSocketIsForThoseWhoMayWatch(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	viewer := s.signedIn(t, "viewer")
	demoted := s.signedIn(t, "operator")
	if _, err := s.accounts.Change(t.Context(), "operator", func(u *account.User) error { u.Disabled = true; return nil }); err != nil {
		t.Fatal(err)
	}
	own := s.http.URL
	for name, tt := range map[string]struct {
		browser       *http.Client
		query, origin string
		want          int
	}{
		"a viewer":            {viewer, "metric=traffic&lang=fr", own, http.StatusSwitchingProtocols},
		"no browser":          {viewer, "metric=traffic&lang=fr", "", http.StatusSwitchingProtocols},
		"a stranger":          {browser(t), "metric=traffic&lang=fr", own, http.StatusUnauthorized},
		"a disabled account":  {demoted, "metric=traffic&lang=fr", own, http.StatusUnauthorized},
		"another site's page": {viewer, "metric=traffic&lang=fr", "https://evil.example", http.StatusForbidden},
		"a page in a sandbox": {viewer, "metric=traffic&lang=fr", "null", http.StatusForbidden},
		"another port":        {viewer, "metric=traffic&lang=fr", "http://127.0.0.1:1", http.StatusForbidden},
		"the sources":         {viewer, "page=sources&lang=fr", own, http.StatusSwitchingProtocols},
		"the board by name":   {viewer, "page=board&metric=share&lang=fr", own, http.StatusSwitchingProtocols},
		"no metric":           {viewer, "page=board&lang=fr", own, http.StatusBadRequest},
		"an unknown page":     {viewer, "page=admin&metric=traffic&lang=fr", own, http.StatusBadRequest},
		"an unknown metric":   {viewer, "metric=secrets&lang=fr", own, http.StatusBadRequest},
		"an unknown language": {viewer, "metric=traffic&lang=xx", own, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			c, response, err := s.tryDial(t, tt.browser, tt.query, tt.origin)
			if err == nil {
				defer c.Close()
			}
			if response == nil || response.StatusCode != tt.want {
				t.Errorf("answered %v (%v), want %d", response, err, tt.want)
			}
		})
	}
}

func TestSocketEndsWithItsSession(t *testing.T) {
	s := newSite(t, nil)
	s.checkEvery = time.Nanosecond
	s.Publish(final(t, 0))
	c := s.dial(t, s.signedIn(t, "viewer"), "metric=traffic&lang=en")
	receive(t, c)
	s.Publish(final(t, 1))
	receive(t, c)
	if err := s.accounts.SetPassword(t.Context(), "viewer", "un autre mot de passe"); err != nil {
		t.Fatal(err)
	}
	s.Publish(final(t, 2))
	if got := closeCode(t, c); got != closeSignedIn {
		t.Errorf("closed with %d, want %d", got, closeSignedIn)
	}
}

func TestSocketIsNoPage(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	if r := s.get(t, s.signedIn(t, "viewer"), "/live?metric=traffic&lang=fr"); r.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("a plain request got %d, want 426", r.StatusCode)
	}
}

func TestSocketClosesOnWhatItDoesNotExpect(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	b := s.signedIn(t, "viewer")
	for name, tt := range map[string]struct {
		say  func(*websocket.Conn) error
		want int
	}{
		"a frame over 4 KB": {func(c *websocket.Conn) error {
			c.EnableWriteCompression(false)
			return text(`{"seen":` + strings.Repeat(" ", maxFrameIn) + `1}`)(c)
		}, websocket.CloseMessageTooBig},
		"the same, deflated": {text(`{"seen":` + strings.Repeat(" ", maxFrameIn) + `1}`), websocket.CloseMessageTooBig},
		"an unknown field":   {text(`{"admin":true}`), websocket.ClosePolicyViolation},
		"no JSON":            {text(`hello`), websocket.ClosePolicyViolation},
		"two at once":        {text(`{"seen":1}{"seen":2}`), websocket.ClosePolicyViolation},
		"a negative number":  {text(`{"seen":-1}`), websocket.ClosePolicyViolation},
		"bytes":              {func(c *websocket.Conn) error { return c.WriteMessage(websocket.BinaryMessage, []byte(`{"seen":1}`)) }, websocket.ClosePolicyViolation},
		"a hundred at once": {func(c *websocket.Conn) error {
			for range 100 {
				if err := text(`{"seen":1}`)(c); err != nil {
					break // it has been closed meanwhile
				}
			}
			return nil
		}, websocket.ClosePolicyViolation},
		"goodbye": {func(c *websocket.Conn) error {
			return c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
		}, websocket.CloseNormalClosure},
	} {
		t.Run(name, func(t *testing.T) {
			c := s.dial(t, b, "metric=traffic&lang=en")
			receive(t, c)
			if err := tt.say(c); err != nil {
				t.Fatal(err)
			}
			if got := closeCode(t, c); got != tt.want {
				t.Errorf("closed with %d, want %d", got, tt.want)
			}
		})
	}
}

func TestShutdownTellsSocketsToComeBack(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	b := s.signedIn(t, "viewer")
	var screens []*websocket.Conn
	for range 10 {
		c := s.dial(t, b, "metric=traffic&lang=en")
		receive(t, c)
		screens = append(screens, c)
	}
	closed := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		closed <- s.Close(ctx)
	}()
	for _, c := range screens {
		if got := closeCode(t, c); got != websocket.CloseServiceRestart {
			t.Errorf("closed with %d, want 1012", got)
		}
	}
	if err := <-closed; err != nil {
		t.Errorf("Close() = %v", err)
	}
	if _, r, err := s.tryDial(t, b, "metric=traffic&lang=en", s.http.URL); err == nil || r == nil || r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a socket after Close: %v, %v; want 503", r, err)
	}
}

func TestSocketsAreBounded(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Screens = 1 })
	s.Publish(final(t, 0))
	b := s.signedIn(t, "viewer")
	receive(t, s.dial(t, b, "metric=traffic&lang=en"))
	if _, r, err := s.tryDial(t, b, "metric=errors&lang=fr", s.http.URL); err == nil || r == nil || r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a second socket of one: %v, %v; want 503", r, err)
	}
}

// A screen that reads nothing must cost the others nothing, and itself some frames only.
func TestSlowScreenDelaysNobody(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	b := s.signedIn(t, "viewer")
	slow := s.dial(t, b, "metric=traffic&lang=en")
	quick := s.dial(t, b, "metric=traffic&lang=en")
	receive(t, slow)
	receive(t, quick)
	const boards = 200
	alternate := [2]*cockpit.Board{final(t, 0), final(t, 3000)} // all of it differs, so that frames are big
	last := uint64(1)
	for i := range boards {
		s.Publish(alternate[i%2])
		f := receive(t, quick)
		if f.Kind != "delta" || f.Seq != last+1 {
			t.Fatalf("the quick screen got %s %d after %d: it was held up", f.Kind, f.Seq, last)
		}
		last = f.Seq
	}
	for {
		f := receive(t, slow)
		if f.Seq == last {
			break
		}
	}
}

func TestViewsOfOneBoardDiffer(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	b := s.signedIn(t, "viewer")
	french := receive(t, s.dial(t, b, "metric=firstbyte&lang=fr"))
	english := receive(t, s.dial(t, b, "metric=traffic&lang=en"))
	if !strings.Contains(french.HTML["matrix"], ">ms<") || !strings.Contains(english.HTML["matrix"], ">Gbit/s<") {
		t.Error("the matrices do not show what was asked for")
	}
	if !strings.Contains(french.HTML["tile-viewers"], "2,31") || !strings.Contains(english.HTML["tile-viewers"], "2.31") {
		t.Error("the numbers are not in their languages")
	}
}

// What a browser puts together from a snapshot and deltas is what a snapshot says, whatever happens to
// the charts' windows.
func TestDeltasAddUp(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	b := s.signedIn(t, "viewer")
	c := s.dial(t, b, "metric=traffic&lang=en")
	sum := receive(t, c)
	charts := map[string]wire{"flow": chartOf(t, sum, "flow"), "failing": chartOf(t, sum, "failing")}
	var deltas []envelope
	for _, tick := range []int{1, 2, 11, 12, 25, 26, 700, 701, 5, 6} { // on, by steps, far on, and back
		s.Publish(final(t, tick))
		f := receive(t, c)
		deltas = append(deltas, f)
		for id := range charts {
			charts[id] = charts[id].apply(chartOf(t, f, id))
		}
	}
	whole := receive(t, s.dial(t, b, "metric=traffic&lang=en"))
	page := newDOM(t, sum.HTML)
	for _, f := range deltas {
		page.replace(t, f.HTML)
	}
	for id, html := range newDOM(t, whole.HTML).parts(t) {
		if got := page.parts(t)[id]; got != html {
			t.Errorf("fragment %s differs from the snapshot's:\n%s\n%s", id, got, html)
		}
	}
	for id, got := range charts {
		want := chartOf(t, whole, id)
		if got.Start != want.Start || got.Solid != want.Solid || len(got.Lines) != len(want.Lines) {
			t.Fatalf("chart %s is %d+%d, want %d+%d", id, got.Start, got.Solid, want.Start, want.Solid)
		}
		for i := range want.Lines {
			if fmt.Sprint(got.Lines[i].values()) != fmt.Sprint(want.Lines[i].values()) {
				t.Errorf("chart %s line %s differs from the snapshot's", id, want.Lines[i].ID)
			}
		}
	}
}

func TestFirstChange(t *testing.T) {
	nan := math.NaN()
	start := time.Unix(1_000_000, 0)
	chart := func(offset int, points ...float64) *cockpit.Chart {
		return &cockpit.Chart{Start: start.Add(time.Duration(offset) * 10 * time.Second), Step: 10 * time.Second, Lines: []cockpit.Line{{ID: "a", Points: points}}}
	}
	other := chart(0, 1, 2, 3)
	other.Lines[0].Name = "renamed"
	for name, tt := range map[string]struct {
		now, before *cockpit.Chart
		want        int
	}{
		"nothing before":          {chart(0, 1, 2, 3), nil, 0},
		"nothing new":             {chart(0, 1, 2, 3), chart(0, 1, 2, 3), 3},
		"one point more":          {chart(0, 1, 2, 3, 4), chart(0, 1, 2, 3), 3},
		"one point less":          {chart(0, 1, 2), chart(0, 1, 2, 3), 2},
		"a point was mended":      {chart(0, 1, 9, 3), chart(0, 1, 2, 3), 1},
		"a gap stays a gap":       {chart(0, 1, nan, 3, 4), chart(0, 1, nan, 3), 3},
		"the window moved":        {chart(1, 2, 3, 4), chart(0, 1, 2, 3), 2},
		"the window jumped":       {chart(9, 2, 3, 4), chart(0, 1, 2, 3), 0},
		"the window moved back":   {chart(0, 1, 2, 3), chart(1, 2, 3, 4), 0},
		"the line has a name now": {other, chart(0, 1, 2, 3), 0},
	} {
		if got := firstChange(tt.now, tt.before); got != tt.want {
			t.Errorf("%s: firstChange() = %d, want %d", name, got, tt.want)
		}
	}
}

// BenchmarkThousandScreens is what one board costs with a thousand screens on the loopback: CPU of the
// server and of the kernel on both sides; the test reads frames without unpacking them.
func BenchmarkThousandScreens(b *testing.B) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 3000 {
		b.Skipf("needs 3,000 open files, the limit is %d: ulimit -n 4096", limit.Cur)
	}
	s := newSite(b, nil)
	s.Publish(final(b, 0))
	client := s.signedIn(b, "viewer")
	const screens = 1000
	var packed atomic.Int64
	var readers, round sync.WaitGroup
	round.Add(screens) // for the snapshots
	for range screens {
		in := s.rawSocket(b, client, "metric=traffic&lang=fr")
		readers.Go(func() {
			for {
				n, err := skipMessage(in)
				if err != nil {
					return
				}
				if n > 40 { // no beat
					packed.Add(n)
					round.Done()
				}
			}
		})
	}
	round.Wait()
	boards := make([]*cockpit.Board, 60)
	for i := range boards {
		boards[i] = final(b, i)
	}
	packed.Store(0)
	before := cpuTime(b)
	i := 1
	for b.Loop() {
		round.Add(screens)
		s.Publish(boards[i%len(boards)])
		round.Wait()
		i++
	}
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/1e3/float64(b.N)/screens, "cpu-µs/message")
	b.ReportMetric(float64(packed.Load())/float64(b.N)/screens, "B/message")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	go s.Close(ctx)
	readers.Wait()
}

// rawSocket shakes hands and leaves the frames as they come, packed.
func (s *site) rawSocket(b *testing.B, browser *http.Client, query string) *bufio.Reader {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, s.http.URL+"/live?"+query, nil)
	if err != nil {
		b.Fatal(err)
	}
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Extensions": "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
	} {
		r.Header.Set(name, value)
	}
	for _, cookie := range browser.Jar.Cookies(r.URL) {
		r.AddCookie(cookie)
	}
	c, err := net.Dial("tcp", r.URL.Host)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	if err := r.Write(c); err != nil {
		b.Fatal(err)
	}
	in := bufio.NewReader(c)
	response, err := http.ReadResponse(in, r)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		b.Fatalf("socket: %v, %v", response, err)
	}
	return in
}

// skipMessage passes over a server's message of one or more frames, RFC 6455 section 5.2, and tells
// its length. A close is its end; a ping is taken for an empty message.
func skipMessage(r *bufio.Reader) (total int64, err error) {
	for {
		var head [2]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return 0, err
		}
		n := int64(head[1] & 0x7f)
		if n >= 126 {
			wide := make([]byte, 2)
			if n == 127 {
				wide = make([]byte, 8)
			}
			if _, err := io.ReadFull(r, wide); err != nil {
				return 0, err
			}
			n = 0
			for _, b := range wide {
				n = n<<8 | int64(b)
			}
		}
		if _, err := io.CopyN(io.Discard, r, n); err != nil {
			return 0, err
		}
		total += n
		switch opcode := int(head[0] & 0x0f); {
		case opcode == websocket.CloseMessage:
			return 0, io.EOF
		case opcode == websocket.PingMessage:
			total -= n // between the frames of a message, or alone
			if total == 0 {
				return 0, nil
			}
		case head[0]&0x80 != 0:
			return total, nil
		}
	}
}

// BenchmarkPublish is the work of a second with one view watched, without the sockets.
func BenchmarkPublish(b *testing.B) {
	s := newSite(b, nil)
	places, err := s.hub.Subscribe(viewKey{page: pageBoard, language: "fr", metric: cockpit.MetricBits})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(places.Close)
	boards := make([]*cockpit.Board, 60)
	for i := range boards {
		boards[i] = final(b, i)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		s.Publish(boards[i%len(boards)])
		i++
	}
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func (s *site) tryDial(tb testing.TB, browser *http.Client, query, origin string) (*websocket.Conn, *http.Response, error) {
	tb.Helper()
	address, err := url.Parse(s.http.URL)
	if err != nil {
		tb.Fatal(err)
	}
	header := make(http.Header)
	if origin != "" {
		header.Set("Origin", origin)
	}
	d := websocket.Dialer{Jar: browser.Jar, EnableCompression: true, HandshakeTimeout: 5 * time.Second}
	return d.DialContext(tb.Context(), "ws://"+address.Host+"/live?"+query, header)
}

func (s *site) dial(tb testing.TB, browser *http.Client, query string) *websocket.Conn {
	tb.Helper()
	c, r, err := s.tryDial(tb, browser, query, s.http.URL)
	if err != nil {
		tb.Fatalf("socket: %v (%v)", err, r)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

func text(s string) func(*websocket.Conn) error {
	return func(c *websocket.Conn) error { return c.WriteMessage(websocket.TextMessage, []byte(s)) }
}

func receive(t *testing.T, c *websocket.Conn) envelope {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, said, err := c.ReadMessage()
	if err != nil {
		t.Fatalf("no frame: %v", err)
	}
	var m envelope
	if err := json.Unmarshal(said, &m); err != nil {
		t.Fatalf("frame %.200s: %v", said, err)
	}
	return m
}

// closeCode reads on until the server closes.
func closeCode(t *testing.T, c *websocket.Conn) int {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for {
		_, _, err := c.ReadMessage()
		if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
			return closed.Code
		}
		if err != nil {
			t.Fatalf("ended without a close code: %v", err)
		}
	}
}

// dom is the board's fragments in one document, as in a browser.
type dom struct{ *goquery.Document }

func newDOM(t *testing.T, fragments map[string]string) dom {
	t.Helper()
	d, err := goquery.NewDocumentFromReader(strings.NewReader(strings.Join(slices.Collect(maps.Values(fragments)), "")))
	if err != nil {
		t.Fatal(err)
	}
	return dom{d}
}

func (d dom) replace(t *testing.T, fragments map[string]string) {
	t.Helper()
	for _, id := range slices.Sorted(maps.Keys(fragments)) {
		d.Find("#" + id).ReplaceWithHtml(fragments[id])
	}
}

func (d dom) parts(t *testing.T) map[string]string {
	t.Helper()
	parts := make(map[string]string)
	d.Find("[id]").Each(func(_ int, e *goquery.Selection) {
		html, err := goquery.OuterHtml(e)
		if err != nil {
			t.Fatal(err)
		}
		parts[e.AttrOr("id", "")] = html
	})
	return parts
}

// wire is a chart as a browser reads it.
type wire struct {
	Start, Step int64
	Solid, From int
	Lines       []wireLine
}

type wireLine struct {
	ID     string
	Points []*float64
}

func (l wireLine) values() []float64 {
	values := make([]float64, len(l.Points))
	for i, p := range l.Points {
		if values[i] = math.NaN(); p != nil {
			values[i] = *p
		}
	}
	return values
}

// apply does what chart.ts does.
func (w wire) apply(delta wire) wire {
	if delta.From == 0 {
		return delta
	}
	moved := int((delta.Start - w.Start) / w.Step)
	for i := range delta.Lines {
		old := w.Lines[i].Points[moved : moved+delta.From]
		delta.Lines[i].Points = append(append([]*float64(nil), old...), delta.Lines[i].Points...)
	}
	return delta
}

func chartOf(t *testing.T, m envelope, id string) wire {
	t.Helper()
	var w wire
	if err := json.Unmarshal(m.Charts[id], &w); err != nil {
		t.Fatalf("chart %s of frame %d: %v", id, m.Seq, err)
	}
	return w
}
