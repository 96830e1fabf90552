package web

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"vigie/cockpit"
)

// A scene is a sight with the views that were asked for of it. The scene of the whole, live, is always
// there; the others come when someone looks, and go a while after the last one left.
type scene struct {
	sight cockpit.Sight
	board atomic.Pointer[published]
	used  atomic.Int64 // s since 1970: when a page of it was last asked for

	mu    sync.Mutex // guards views, and Publish against itself
	views map[viewKey]*view
}

// sceneLife is how long a scene is kept, and its sight looked at, after its page was asked for: the
// socket that keeps it comes within seconds.
const sceneLife = 30 * time.Second

// view is the scene's view of that key, made when first asked for.
func (sc *scene) view(s *Server, key viewKey) *view {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	v := sc.views[key]
	if v == nil {
		v = &view{page: key.page, locale: s.locales.byCode(key.language), metric: key.metric}
		sc.views[key] = v
	}
	return v
}

// scene is that of a sight, made when there is none.
func (s *Server) scene(sight cockpit.Sight) *scene {
	s.scenesMu.Lock()
	defer s.scenesMu.Unlock()
	sc := s.scenes[sight]
	if sc == nil {
		sc = &scene{sight: sight, views: make(map[viewKey]*view)}
		s.scenes[sight] = sc
	}
	sc.used.Store(time.Now().Unix())
	return sc
}

// see is the scene's board of now: the one published last, or one made for whoever asks first. It fails
// with errNoBoard while there is none, and with the errors of Config.Look.
func (s *Server) see(ctx context.Context, sc *scene) (*published, error) {
	p := sc.board.Load()
	switch {
	case p != nil && (sc.sight == cockpit.Sight{} || time.Since(p.board.At) < sceneLife/2):
		return p, nil
	case sc.sight == cockpit.Sight{} || s.config.Look == nil || s.scene(cockpit.Sight{}).board.Load() == nil:
		s.drop(sc)
		return nil, errNoBoard
	}
	board, err := s.config.Look(ctx, sc.sight)
	if err != nil {
		s.drop(sc)
		return nil, err
	}
	s.publish(sc, board)
	return sc.board.Load(), nil
}

// drop forgets a scene that nobody watches.
func (s *Server) drop(sc *scene) {
	s.scenesMu.Lock()
	defer s.scenesMu.Unlock()
	if (sc.sight != cockpit.Sight{}) && !s.watched(sc) && s.scenes[sc.sight] == sc {
		delete(s.scenes, sc.sight)
	}
}

func (s *Server) watched(sc *scene) bool {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	for key := range sc.views {
		if s.hub.Watched(key) {
			return true
		}
	}
	return false
}

// Watched are the sights, beside the whole of now, whose boards someone waits for.
func (s *Server) Watched() []cockpit.Sight {
	s.scenesMu.Lock()
	defer s.scenesMu.Unlock()
	var sights []cockpit.Sight
	for sight, sc := range s.scenes {
		switch {
		case sight == cockpit.Sight{}:
		case s.watched(sc) || time.Since(time.Unix(sc.used.Load(), 0)) < sceneLife:
			sights = append(sights, sight)
		default:
			delete(s.scenes, sight)
		}
	}
	return sights
}

// Publish makes board what everyone sees who looks at its sight. The board belongs to all readers from
// here on: it must not change any more. Views that someone watches are rendered in the caller's
// goroutine; screens are written to in their own.
func (s *Server) Publish(board *cockpit.Board) {
	s.scenesMu.Lock()
	sc := s.scenes[board.Sight]
	s.scenesMu.Unlock()
	if sc != nil {
		s.publish(sc, board)
	}
}

func (s *Server) publish(sc *scene, board *cockpit.Board) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	s.show(sc, board)
}

// show makes board, with the alerts and crises of the moment, what the scene's screens have. sc.mu is held.
func (s *Server) show(sc *scene, board *cockpit.Board) {
	p := sc.board.Load().next(board, s.alertsNow(), s.crisesNow(board.At))
	sc.board.Store(p)
	for key, v := range sc.views {
		if !s.hub.Watched(key) {
			continue
		}
		f, err := v.render(p)
		if err != nil {
			s.log.Error("board is not rendered", "page", key.page, "language", key.language, "metric", key.metric.String(), "error", err)
			continue
		}
		if f.seq == p.seq { // else nothing changed
			s.hub.Publish(key, f)
		}
	}
}
