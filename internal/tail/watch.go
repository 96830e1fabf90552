package tail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// watch is one path that is followed, whatever file stands there.
type watch struct {
	path    string
	current *generation // the last file that stood there
	ids     []fileID    // the path's files that are open, oldest first
}

const (
	maxWatches = 10_000
	maxOpen    = 100             // files of one path: rotated ones wait for the collectors
	clockSlack = 2 * time.Second // between a file system's clock and ours
)

// find looks for files that match and are not followed yet.
func (f *follower) find(ctx context.Context) error {
	for _, pattern := range f.cfg.Files {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			return fmt.Errorf("files: %q: %w", pattern, err)
		}
		if len(matches) == 0 && !strings.ContainsAny(pattern, `*?[\`) {
			matches = []string{pattern} // it may come
		}
		isNew := f.store.isNew(pattern)
		for _, path := range matches {
			if f.watches[path] != nil || packedName(path) || rotatedOfAny(path, matches) || f.rotatedOfFollowed(path) {
				continue
			}
			if len(f.watches) >= maxWatches {
				f.complain("too many files match: some are not followed", fmt.Errorf("more than %d", maxWatches), "pattern", pattern)
				break
			}
			w := &watch{path: path}
			if f.begin(ctx, w, isNew) {
				f.watches[path] = w
			}
		}
		if isNew {
			if err := f.store.notNew(pattern); err != nil {
				return fmt.Errorf("state: %w", err)
			}
		}
	}
	return nil
}

// forgetWatches drops paths whose file is gone and sent; a pattern finds them again.
func (f *follower) forgetWatches() {
	for path, w := range f.watches {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) || slices.Contains(f.cfg.Files, path) {
			continue
		}
		f.prune(w)
		if len(w.ids) == 0 {
			delete(f.watches, path)
		}
	}
}

var packedNames = []string{".gz", ".bz2", ".xz", ".zst", ".lz4", ".lzo", ".br", ".Z", ".zip"}

// packedName tells whether a name is of a compressed copy, or of one being made.
func packedName(path string) bool {
	for _, end := range packedNames {
		if strings.HasSuffix(path, end) {
			return true
		}
	}
	return false
}

var packedMagic = []string{"\x1f\x8b", "BZh", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd", "\x04\x22\x4d\x18", "PK\x03\x04"}

func packed(file io.ReaderAt) bool {
	var b [6]byte
	n, _ := file.ReadAt(b[:], 0)
	return slices.ContainsFunc(packedMagic, func(m string) bool { return strings.HasPrefix(string(b[:n]), m) })
}

// rotationMark is what a rotated file's name has more than its path: .1, -20260908, .2026-09-08_19.
var rotationMark = regexp.MustCompile(`^[.-][0-9][0-9TZ:_.-]*$`)

// rotatedName tells whether name is what path is called after its rotation: access.log.1,
// access.log-20260908, or access-20260908.log.
func rotatedName(path, name string) bool {
	if rest, ok := strings.CutPrefix(name, path); ok {
		return rotationMark.MatchString(rest)
	}
	ext := filepath.Ext(path)
	stem := strings.TrimSuffix(path, ext)
	rest, ok := strings.CutPrefix(name, stem)
	if !ok || ext == "" || stem == "" || strings.HasSuffix(stem, "/") {
		return false
	}
	rest, ok = strings.CutSuffix(rest, ext)
	return ok && rotationMark.MatchString(rest)
}

func rotatedOfAny(name string, paths []string) bool {
	return slices.ContainsFunc(paths, func(path string) bool { return rotatedName(path, name) })
}

// rotatedOfFollowed also knows paths where nothing stands for the moment.
func (f *follower) rotatedOfFollowed(name string) bool {
	for path := range f.watches {
		if rotatedName(path, name) {
			return true
		}
	}
	return rotatedOfAny(name, f.store.paths())
}

// sibling is a rotated, not compressed file of a path.
type sibling struct {
	name string
	info fs.FileInfo
}

// siblings are a path's rotated files, oldest first, and apart from them the compressed ones. Files
// may be renamed meanwhile, and a folder that is read then can show them twice or not at all: it is
// read until it shows the same twice.
func siblings(path string) (found, compressed []sibling, err error) {
	for range 20 {
		before := found
		if found, compressed, err = listSiblings(path); err != nil {
			return nil, nil, err
		}
		if slices.EqualFunc(before, found, func(a, b sibling) bool { return a.name == b.name && idOf(a.info) == idOf(b.info) }) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return found, compressed, nil
}

// open opens the file that was found, under the name that it has by now.
func (s *sibling) open(path string) (*os.File, fs.FileInfo, error) {
	for range 20 {
		file, info, err := openRegular(s.name)
		if err == nil && idOf(info) == idOf(s.info) {
			return file, info, nil
		}
		if err == nil {
			file.Close()
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, err
		}
		found, _, err := siblings(path)
		if err != nil {
			return nil, nil, err
		}
		i := slices.IndexFunc(found, func(f sibling) bool { return idOf(f.info) == idOf(s.info) })
		if i < 0 {
			break
		}
		s.name = found[i].name
	}
	return nil, nil, fs.ErrNotExist
}

func listSiblings(path string) (found, compressed []sibling, err error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		name := filepath.Join(filepath.Dir(path), e.Name())
		plain := strings.TrimSuffix(name, filepath.Ext(name))
		switch {
		case packedName(name) && rotatedName(path, plain):
			if info, err := e.Info(); err == nil {
				compressed = append(compressed, sibling{name, info})
			}
		case rotatedName(path, name) && !packedName(name):
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
				found = append(found, sibling{name, info})
			}
		}
	}
	slices.SortFunc(found, func(a, b sibling) int {
		return cmp.Or(a.info.ModTime().Compare(b.info.ModTime()), cmp.Compare(b.name, a.name)) // .2 is older than .1
	})
	return found, compressed, nil
}

// begin follows a path: first what rotation has left of it since it was last followed, then the
// file that stands there. first: its pattern was never followed before.
func (f *follower) begin(ctx context.Context, w *watch, first bool) bool {
	records := f.store.of(w.path)
	file, info, err := openRegular(w.path)
	switch {
	case errors.Is(err, errNotRegular) && !slices.Contains(f.cfg.Files, w.path): // a glob takes in folders too
		return false
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		f.complain("open a file: it is tried again", err, "file", w.path)
		return false
	}
	// Asked before rotated files are looked for: if it is truncated now, its copy is found then.
	var standing *record
	for i := range records {
		if r := &records[i]; file != nil && sameInode(r, info) && r.holds(file) {
			standing = r
		}
	}
	giveUp := func(err error) bool {
		f.complain("look for rotated files", err, "file", w.path)
		if file != nil {
			file.Close()
		}
		return false
	}
	rotated, _, err := siblings(w.path)
	if err != nil {
		return giveUp(err)
	}
	for i := range records {
		if r := &records[i]; !r.Done && r != standing {
			f.resume(ctx, w, r, rotated)
		}
	}
	if first && len(records) == 0 {
		f.passOver(w, rotated)
		f.store.isComplete(w.path)
	}
	var current *record
	if file != nil && (f.isLive(idOf(info)) || packed(file)) { // by another name; or its own does not say so
		file.Close()
		file = nil
	}
	if file != nil {
		r := f.recordOf(w, file, info, first && !f.cfg.FromStart && len(records) == 0)
		r.noteHead(file)
		if err := f.store.put(&r); err != nil {
			f.complain("keep the state", err)
		}
		current = &r
	}
	// Again, now that a copy of the current file would be known as one.
	rotated, compressed, err := siblings(w.path)
	if err != nil {
		return giveUp(err)
	}
	if !first || len(records) > 0 {
		f.unseen(ctx, w, file, current, rotated, compressed)
	}
	if file != nil {
		if f.isLive(idOf(info)) { // renamed since
			file.Close()
		} else {
			w.current = f.follow(ctx, w, file, *current, false)
		}
	}
	return true
}

func sameInode(r *record, info fs.FileInfo) bool { return r.Inode == idOf(info).inode }

// resume goes on with a file that no longer stands at its path: renamed, or copied and truncated.
func (f *follower) resume(ctx context.Context, w *watch, r *record, rotated []sibling) {
	for _, renamed := range []bool{true, false} {
		for i := len(rotated) - 1; i >= 0; i-- {
			s := &rotated[i]
			if sameInode(r, s.info) != renamed || !renamed && (r.Head.Bytes == 0 || f.knows(w.path, s)) {
				continue
			}
			if f.isLive(idOf(s.info)) { // followed by another path
				return
			}
			file, info, err := s.open(w.path)
			if err != nil {
				continue
			}
			if !r.holds(file) {
				file.Close()
				continue
			}
			moved := *r
			moved.Device, moved.Inode = idOf(info).device, idOf(info).inode
			if moved.id() != r.id() {
				if err := f.store.put(&moved); err != nil {
					f.complain("keep the state", err)
					file.Close()
					return // it is looked for again at the next start
				}
				f.store.remove(*r)
			}
			f.follow(ctx, w, file, moved, true)
			return
		}
	}
	f.store.remove(*r)
	if r.Offset > 0 || r.Planned != nil {
		f.cfg.Log.Warn("a file was rotated away and is not to be found: what it had more than this is not sent", "file", r.Path, "inode", r.Inode, "sent_bytes", r.Offset)
	}
}

// unseen follows rotated files of which nothing is known and that were written to since all were.
// Older ones are somebody's: unpacked to be looked into, say. A copy of the current file, of which r is the record, is
// left until that is truncated.
func (f *follower) unseen(ctx context.Context, w *watch, current *os.File, r *record, rotated, compressed []sibling) {
	since := f.store.completeUntil(w.path)
	for _, s := range rotated {
		if f.isLive(idOf(s.info)) || s.info.ModTime().Before(since.Add(-clockSlack)) || s.info.Size() == 0 || f.knows(w.path, &s) {
			continue
		}
		if file, info, err := s.open(w.path); err == nil {
			if r != nil && r.isIn(file, current) {
				file.Close()
				continue
			}
			f.cfg.Log.Info("a rotated file was never seen: it is read whole", "file", s.name)
			f.follow(ctx, w, file, record{Path: w.path, Device: idOf(info).device, Inode: idOf(info).inode}, true)
		}
	}
	for _, s := range compressed {
		if s.info.ModTime().After(since.Add(clockSlack)) {
			f.cfg.Log.Warn("a file was rotated and compressed while nobody followed it: if it was not sent before, use vigie import", "file", s.name)
		}
	}
}

// passOver notes what was rotated before a path was ever followed: nobody asked for that.
func (f *follower) passOver(w *watch, rotated []sibling) {
	for _, s := range rotated {
		file, info, err := s.open(w.path)
		if err != nil {
			continue
		}
		r := record{Path: w.path, Device: idOf(info).device, Inode: idOf(info).inode, Done: true}
		if err := r.skipTo(file, info.Size()); err == nil {
			err = f.store.put(&r)
			if err != nil {
				f.complain("keep the state", err)
			}
		}
		file.Close()
	}
}

// knows tells whether a rotated file was seen before. Its inode alone does not: that may have been
// another file's, which is gone.
func (f *follower) knows(path string, s *sibling) bool {
	r, found := f.store.get(idOf(s.info))
	if !found || r.Done && r.Offset == 0 {
		return false
	}
	file, _, err := s.open(path)
	if err != nil {
		return true // it is not to be had anyway
	}
	defer file.Close()
	return r.holds(file)
}

// copyOf tells whether a file holds no more than the beginning of another.
func copyOf(file, whole *os.File) bool {
	if whole == nil {
		return false
	}
	a, err := file.Stat()
	b, err2 := whole.Stat()
	if err != nil || err2 != nil || a.Size() > b.Size() {
		return false
	}
	head := make([]byte, min(edgeBytes, a.Size()))
	if _, err := file.ReadAt(head, 0); err != nil {
		return false
	}
	return edgeOf(head).at(whole, 0)
}

// isIn tells whether a file is a copy of the current one, whose record this is, as far as it was made.
func (r *record) isIn(file, current *os.File) bool {
	// In this order: a copy is whole before the truncation.
	return copyOf(file, current) || r.Head.Bytes > 0 && r.holds(file)
}

// recordOf is the record of the file at the path.
func (f *follower) recordOf(w *watch, file *os.File, info fs.FileInfo, atEnd bool) record {
	id := idOf(info)
	r, known := f.store.get(id)
	if !known { // a device's number may change when the machine starts
		for _, old := range f.store.of(w.path) {
			if old.Inode == id.inode && old.holds(file) {
				r, known = old, true
				f.store.remove(old)
				r.Device = id.device
				break
			}
		}
	}
	if !known || r.Done && !r.holds(file) {
		r = record{Path: w.path, Device: id.device, Inode: id.inode}
		if atEnd {
			if err := r.skipTo(file, info.Size()); err != nil {
				f.complain("read a file", err, "file", w.path)
			}
		}
	}
	r.Path, r.Done = w.path, false
	return r
}

// look notices that another file stands at the path.
func (f *follower) look(ctx context.Context, w *watch) {
	info, err := os.Stat(w.path)
	if err != nil {
		if w.current != nil && errors.Is(err, fs.ErrNotExist) {
			w.current.leave()
		}
		return
	}
	if w.current != nil && idOf(info) == w.current.at && f.isLive(w.current.at) {
		w.current.stay()
		return
	}
	f.prune(w)
	if len(w.ids) >= maxOpen {
		f.complain("too many rotated files wait to be sent: newer ones are opened later", fmt.Errorf("%d are open", len(w.ids)), "file", w.path)
		return
	}
	if f.isLive(idOf(info)) {
		return
	}
	file, info, err := openRegular(w.path)
	if err != nil {
		f.complain("open a file: it is tried again", err, "file", w.path)
		return
	}
	if w.current != nil {
		w.current.leave()
		if rotated, compressed, err := siblings(w.path); err == nil {
			f.unseen(ctx, w, nil, nil, rotated, compressed)
		}
	}
	if f.isLive(idOf(info)) || packed(file) {
		file.Close()
		return
	}
	r := f.recordOf(w, file, info, false)
	r.noteHead(file)
	w.current = f.follow(ctx, w, file, r, false)
}

func (f *follower) prune(w *watch) {
	w.ids = slices.DeleteFunc(w.ids, func(id fileID) bool { return !f.isLive(id) })
}

func (f *follower) isLive(id fileID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.live[id] != nil
}

// follow starts to read a file, after those of its path that were opened before.
func (f *follower) follow(ctx context.Context, w *watch, file *os.File, r record, rotated bool) *generation {
	// Kept at once, so that a file that is renamed before its first line is read is found again.
	if err := f.store.put(&r); err != nil {
		f.complain("keep the state", err) // it is tried again before anything is sent
	}
	g := newGeneration(f, file, r)
	if rotated {
		g.leave()
	}
	f.prune(w)
	f.mu.Lock()
	if n := len(w.ids); n > 0 {
		if before := f.live[w.ids[n-1]]; before != nil {
			g.after = before.caughtUp
		}
	}
	f.live[g.at] = g
	f.mu.Unlock()
	w.ids = append(w.ids, g.at)
	f.open.Go(func() {
		g.run(ctx)
		g.file.Close()
		f.mu.Lock()
		delete(f.live, g.at)
		f.mu.Unlock()
	})
	return g
}

var errNotRegular = errors.New("not a regular file")

func openRegular(name string) (*os.File, fs.FileInfo, error) {
	// Looked at first: to open a pipe would wait for its other end.
	if info, err := os.Stat(name); err != nil {
		return nil, nil, err
	} else if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s: %w", name, errNotRegular)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, nil, cmp.Or(err, errNotRegular)
	}
	return file, info, nil
}
