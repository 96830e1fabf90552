package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"vigie/cockpit"
	"vigie/internal/account"
)

// A screen hears from us every second, its ages count by themselves, and after 3 s of silence it says
// that the connection is lost. We hear from it every 5 s.
const (
	beatAfter     = 1200 * time.Millisecond // without a board
	pingEvery     = 8 * time.Second
	silenceLimit  = 25 * time.Second
	writeLimit    = 5 * time.Second
	maxFrameIn    = 4 << 10
	closeSignedIn = 4401 // the session ended: to the sign-in page
)

func newUpgrader(origins []string) websocket.Upgrader {
	return websocket.Upgrader{
		HandshakeTimeout: 5 * time.Second,
		ReadBufferSize:   1 << 10,
		WriteBufferSize:  1 << 10, // prepared frames are written past it
		// Deflate without context: a prepared frame is compressed once for all screens.
		EnableCompression: true,
		CheckOrigin: func(r *http.Request) bool {
			origin := r.Header.Get("Origin")
			if origin == "" {
				return true // no browser; the session's cookie decides
			}
			if slices.Contains(origins, origin) {
				return true
			}
			u, err := url.Parse(origin)
			return err == nil && u.Host == r.Host
		},
	}
}

// screen is one socket and where it stands.
type screen struct {
	conn   *websocket.Conn
	places *cockpit.Subscriber[viewKey, *frame]
	scene  *scene
	view   *view
	resync atomic.Bool // the browser asked for a snapshot
}

// A goodbye ends a screen with a close code; why is a label of the metrics.
type goodbye struct {
	code int
	why  string
}

func (g goodbye) Error() string { return fmt.Sprintf("socket closed with %d: %s", g.code, g.why) }

// live serves one screen until it leaves. It is one goroutine that writes, and one that reads.
func (s *Server) live(c echo.Context) error {
	if !s.upgrader.CheckOrigin(c.Request()) {
		return fmt.Errorf("%w: socket from origin %q", errForbidden, c.Request().Header.Get("Origin"))
	}
	if err := s.mayWatch(c.Request()); err != nil {
		return err
	}
	if !websocket.IsWebSocketUpgrade(c.Request()) {
		return echo.NewHTTPError(http.StatusUpgradeRequired)
	}
	key, ok := parseView(s.locales, c.QueryParams())
	if !ok {
		return echo.ErrBadRequest
	}
	if !s.enrol() {
		return cockpit.ErrHubClosed
	}
	defer s.sockets.Done()
	places, err := s.hub.Subscribe(key)
	if err != nil {
		return err
	}
	defer places.Close()
	scene := s.scene(key.sight)
	if _, err := s.see(c.Request().Context(), scene); err != nil && key.sight != (cockpit.Sight{}) {
		return err // before the whole's first board, a screen waits for it
	}
	conn, err := s.upgrader.Upgrade(c.Response(), c.Request(), nil)
	if err != nil {
		return nil // gorilla has answered
	}
	s.serve(c.Request(), &screen{conn: conn, places: places, scene: scene, view: scene.view(s, key)})
	return nil
}

// enrol counts a socket for Close to wait for, unless it is too late.
func (s *Server) enrol() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.sockets.Add(1)
	return true
}

// mayWatch looks anew, each time it is asked, whether whoever opened the socket may follow the page: a
// person any, a wall's token the wall's.
func (s *Server) mayWatch(r *http.Request) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 2*time.Second)
	defer cancel()
	err := s.personMayWatch(ctx, r)
	if errors.Is(err, account.ErrDenied) && r.URL.Query().Get("page") == pageWall {
		_, err = s.wallOf(ctx, r)
	}
	return err
}

func (s *Server) serve(r *http.Request, sc *screen) {
	ctx, leave := context.WithCancelCause(s.closing)
	defer leave(nil)
	silent := make(chan struct{})
	go func() { defer close(silent); leave(sc.read()) }()
	err := s.write(ctx, r, sc)
	bye, ok := errors.AsType[goodbye](err)
	switch {
	case errors.Is(err, cockpit.ErrHubClosed), s.closing.Err() != nil:
		bye = goodbye{websocket.CloseServiceRestart, "shutdown"}
	case !ok:
		bye = goodbye{websocket.CloseInternalServerErr, "lost"}
	}
	s.metrics.closed.WithLabelValues(bye.why).Inc()
	// The browser may be gone; then there is nobody to tell. Else it gets a moment to answer, because
	// closing on what it just sent would throw our own last words away.
	if sc.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(bye.code, bye.why), time.Now().Add(time.Second)) == nil {
		select {
		case <-silent:
		case <-time.After(time.Second):
		}
	}
	_ = sc.conn.Close()
	<-silent
}

// write sends a snapshot, then each frame as it comes: what changed, or a snapshot again after a gap.
func (s *Server) write(ctx context.Context, r *http.Request, sc *screen) error {
	p := sc.scene.board.Load()
	var last uint64
	if p != nil {
		f, err := sc.view.render(p)
		if err != nil {
			return err
		}
		if err := s.send(sc, f, true); err != nil {
			return err
		}
		last = f.seq
	}
	pinged, checked := time.Now(), time.Now()
	for {
		waiting, cancel := context.WithTimeout(ctx, beatAfter)
		f, missed, err := sc.places.Next(waiting)
		cancel()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, context.DeadlineExceeded):
			err = s.sendBeat(sc)
		case err != nil:
			return err
		case f.seq > last:
			err = s.send(sc, f, sc.resync.Swap(false) || missed || last == 0)
			last = f.seq
		}
		if err != nil {
			return err
		}
		now := time.Now()
		if now.Sub(pinged) >= pingEvery {
			pinged = now
			if err := sc.conn.WriteControl(websocket.PingMessage, nil, now.Add(writeLimit)); err != nil {
				return err
			}
		}
		if now.Sub(checked) >= s.checkEvery {
			checked = now
			switch statusOf(s.mayWatch(r)) {
			case http.StatusUnauthorized, http.StatusForbidden:
				return goodbye{closeSignedIn, "signed out"}
			}
		}
	}
}

func (s *Server) send(sc *screen, f *frame, whole bool) error {
	kind, m := "delta", f.delta
	if whole || m == nil {
		var err error
		if m, err = f.snapshot(); err != nil {
			return err
		}
		kind = "snapshot"
	}
	s.metrics.sent.WithLabelValues(kind).Inc()
	if err := sc.conn.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return err
	}
	return sc.conn.WritePreparedMessage(m)
}

// sendBeat tells the screen that the line is good while the board is late.
func (s *Server) sendBeat(sc *screen) error {
	s.metrics.sent.WithLabelValues("beat").Inc()
	if err := sc.conn.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return err
	}
	return sc.conn.WriteMessage(websocket.TextMessage, []byte(`{"kind":"beat"}`))
}

// read takes what the browser says until it leaves or says something it should not.
func (sc *screen) read() error {
	sc.conn.SetReadLimit(maxFrameIn)
	extend := func(string) error { return sc.conn.SetReadDeadline(time.Now().Add(silenceLimit)) }
	sc.conn.SetPongHandler(extend)
	pace := rate.NewLimiter(2, 10)
	for {
		if err := extend(""); err != nil {
			return goodbye{websocket.CloseGoingAway, "left"}
		}
		kind, reader, err := sc.conn.NextReader()
		var said []byte
		if err == nil {
			// The connection's limit counts what came over the wire; deflate makes a thousand times that of it.
			said, err = io.ReadAll(io.LimitReader(reader, maxFrameIn+1))
		}
		switch {
		case errors.Is(err, websocket.ErrReadLimit), len(said) > maxFrameIn:
			return goodbye{websocket.CloseMessageTooBig, "too big"}
		case err != nil:
			return goodbye{websocket.CloseGoingAway, "left"}
		case kind != websocket.TextMessage:
			return goodbye{websocket.ClosePolicyViolation, "not understood"}
		case !pace.Allow():
			return goodbye{websocket.ClosePolicyViolation, "too fast"}
		}
		var m struct {
			Seen   uint64 `json:"seen"`   // the heartbeat: the last frame shown
			Resync bool   `json:"resync"` // a frame is missing
		}
		d := json.NewDecoder(bytes.NewReader(said))
		d.DisallowUnknownFields()
		if err := d.Decode(&m); err != nil || d.More() {
			return goodbye{websocket.ClosePolicyViolation, "not understood"}
		}
		if m.Resync {
			sc.resync.Store(true)
		}
	}
}
