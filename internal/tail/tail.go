// Package tail follows log files as web servers write them and sends their lines to the collectors.
//
// Files may be rotated by renaming (nginx, Apache, varnishncsa) or by copying and truncating; names
// may be globs whose matches come and go. Only whole lines are sent, in batches of up to MaxBatch
// bytes, each named for the place it was read from. What it guarantees:
//
//   - A line is sent again until the collectors have stored it. The range of a batch and its name are
//     on disk before it is sent, so that after kill -9 the same bytes go under the same name, and the
//     collectors count them once (for as long as they remember names: two hours).
//   - After a restart each file goes on where it was acknowledged, also when it was renamed or copied
//     meanwhile. A file is known by its inode, the first KiB, and the last KiB that was sent of it.
//   - Memory does not grow with what is behind: each file has one packed batch on its way, and four
//     batches are read at a time.
//   - What cannot be sent does not hold up the rest: a batch that the collectors refuse for what it
//     is (400, 413) is set aside in the state's folder "refused", which is bounded.
//
// What it cannot do: read again what was compressed or deleted while it did not run, and lines that
// a writer adds between logrotate's copying and truncating. Parsing is the collectors' work.
package tail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config says what to follow and where it goes.
type Config struct {
	To        *url.URL // of the collectors, as http://vigie.example.com:8081
	Source    string   // id of the source there
	Token     string
	User      string   // sent with the token as HTTP basic; empty: the token alone, as bearer
	Files     []string // names or globs; new matches are followed as they appear
	State     string   // folder of what is needed to go on after a restart; one process at a time
	FromStart bool     // of files that are there at the first start, send what they hold already
	Gzip      int      // level, 1 to 9; 0: 1
	MaxBatch  int      // bytes of lines in a batch, unpacked; 0: 1 MiB. A longer line is a batch alone
	MaxWait   time.Duration
	Log       *slog.Logger // nil: slog.Default
	HTTP      *http.Client // nil: one that waits a minute for an answer; redirects are never followed

	pace pace
}

// pace is how often things are looked at; tests are in more of a hurry.
type pace struct {
	poll     time.Duration // between two looks at a file
	glob     time.Duration // between two looks for new files
	quiet    time.Duration // after which a rotated file is done
	retry    time.Duration // first wait after a failure
	slow     time.Duration // wait after an answer that only people can change
	progress time.Duration
	tidy     time.Duration
}

const (
	defaultMaxBatch = 1 << 20
	defaultMaxWait  = time.Second
	maxLine         = 8 << 20 // longer ones go in pieces
	readers         = 4       // batches read and packed at a time
	senders         = 4       // requests at a time
)

func (c *Config) check() error {
	switch {
	case c.To == nil || c.To.Scheme != "http" && c.To.Scheme != "https" || c.To.Host == "":
		return errors.New("to: must be the collectors' address, as http://vigie.example.com:8081")
	case c.Source == "":
		return errors.New("source: is missing")
	case c.Token == "":
		return errors.New("token: is missing")
	case len(c.Files) == 0:
		return errors.New("files: there are none to follow")
	case c.State == "":
		return errors.New("state: is missing: a folder that survives a restart")
	case c.Gzip < 0 || c.Gzip > 9:
		return fmt.Errorf("gzip: %d is not a level from 1 to 9", c.Gzip)
	case c.MaxBatch < 0 || c.MaxBatch > maxLine:
		return fmt.Errorf("batch: %d is not between 1 and %d bytes", c.MaxBatch, maxLine)
	case c.MaxWait < 0:
		return errors.New("wait: is negative")
	}
	for _, pattern := range c.Files {
		if _, err := filepath.Match(pattern, ""); err != nil {
			return fmt.Errorf("files: %q: %w", pattern, err)
		}
	}
	c.Gzip = cmp.Or(c.Gzip, 1)
	c.MaxBatch = cmp.Or(c.MaxBatch, defaultMaxBatch)
	c.MaxWait = cmp.Or(c.MaxWait, defaultMaxWait)
	c.Log = cmp.Or(c.Log, slog.Default())
	p := &c.pace
	p.poll = cmp.Or(p.poll, 250*time.Millisecond)
	p.glob = cmp.Or(p.glob, time.Second)
	p.quiet = cmp.Or(p.quiet, 10*time.Minute) // children of a graceful restart still write there
	p.retry = cmp.Or(p.retry, 500*time.Millisecond)
	p.slow = cmp.Or(p.slow, time.Minute)
	p.progress = cmp.Or(p.progress, time.Minute)
	p.tidy = cmp.Or(p.tidy, 10*time.Minute)
	return nil
}

// Run follows the files until ctx ends, and then returns nil. Other errors are of the configuration
// and of the state's folder, at the start; whatever happens later is logged and tried again.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.check(); err != nil {
		return err
	}
	files := make([]string, len(cfg.Files))
	for i, f := range cfg.Files {
		full, err := filepath.Abs(f)
		if err != nil {
			return fmt.Errorf("files: %q: %w", f, err)
		}
		files[i] = full
	}
	cfg.Files = files
	store, err := openStore(cfg.State)
	if err != nil {
		return err
	}
	defer store.close()
	f := &follower{
		cfg: cfg, store: store, sender: newSender(&cfg, filepath.Join(cfg.State, "refused")),
		reading: make(chan struct{}, readers), watches: map[string]*watch{}, live: map[fileID]*generation{}, said: map[string]time.Time{},
	}
	f.buffers.New = func() any { b := make([]byte, cfg.MaxBatch); return &b }
	return f.run(ctx)
}

// follower is one run over all files.
type follower struct {
	cfg     Config
	store   *store
	sender  *sender
	reading chan struct{} // a token per batch being read and packed
	buffers sync.Pool

	watches map[string]*watch // by path; of the goroutine that looks for files
	open    sync.WaitGroup    // goroutines of generations

	mu   sync.Mutex
	live map[fileID]*generation
	said map[string]time.Time // complaints by text, so that none is made at every look

	lines, bytes, batches atomic.Int64 // acknowledged since the last word of progress
}

func (f *follower) run(ctx context.Context) error {
	defer f.open.Wait()
	look, glob := time.NewTicker(f.cfg.pace.poll), time.Now()
	defer look.Stop()
	progress, tidy := time.NewTicker(f.cfg.pace.progress), time.NewTicker(f.cfg.pace.tidy)
	defer progress.Stop()
	defer tidy.Stop()
	f.store.tidy()
	if err := f.find(ctx); err != nil {
		return err
	}
	f.cfg.Log.Info("following files", "matches", len(f.watches), "to", f.cfg.To.Redacted(), "source", f.cfg.Source)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
			if time.Since(glob) >= f.cfg.pace.glob {
				glob = time.Now()
				if err := f.find(ctx); err != nil {
					f.complain("look for files", err)
				}
			}
			for _, w := range f.watches {
				f.look(ctx, w)
			}
		case <-progress.C:
			f.tell()
		case <-tidy.C:
			f.store.tidy()
			f.forgetWatches()
		}
	}
}

// tell says how far it is.
func (f *follower) tell() {
	behind, files := int64(0), 0
	f.mu.Lock()
	for _, g := range f.live {
		files++
		behind += g.behind()
	}
	f.mu.Unlock()
	f.cfg.Log.Info("sent", "lines", f.lines.Swap(0), "bytes", f.bytes.Swap(0), "batches", f.batches.Swap(0), "behind_bytes", behind, "open_files", files)
}

const complainEvery = time.Minute

// complain logs what goes wrong, the same at most once a minute.
func (f *follower) complain(what string, err error, args ...any) {
	key := what + fmt.Sprint(args...)
	f.mu.Lock()
	again := time.Since(f.said[key]) < complainEvery
	if !again {
		if len(f.said) > 1000 {
			clear(f.said)
		}
		f.said[key] = time.Now()
	}
	f.mu.Unlock()
	if !again {
		f.cfg.Log.Warn(what, append(args, "error", strings.TrimSpace(err.Error()))...)
	}
}
