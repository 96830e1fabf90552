package tail

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// fileID is what a file keeps when it is renamed.
type fileID struct{ device, inode uint64 }

func idOf(info fs.FileInfo) fileID {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}
	}
	return fileID{uint64(s.Dev), uint64(s.Ino)} //nolint:unconvert // their types differ by system
}

// record is what is kept of one file.
type record struct {
	Path    string `json:"path"` // it was followed under; its name may be another by now
	Device  uint64 `json:"device"`
	Inode   uint64 `json:"inode"`
	Offset  int64  `json:"offset"` // all before it is acknowledged
	Head    edge   `json:"head"`   // its first bytes
	Last    edge   `json:"last"`   // its bytes before Offset
	W3C     bool   `json:"w3c,omitempty"`
	Fields  string `json:"fields,omitempty"` // the #Fields line that holds at Offset
	Planned *plan  `json:"planned,omitempty"`
	Done    bool   `json:"done,omitempty"` // rotated and read to its end

	Updated time.Time `json:"updated"`
	// Complete is the store's for the path when this was written.
	Complete time.Time `json:"complete"`
}

// plan is a batch that was perhaps sent.
type plan struct {
	To int64  `json:"to"`
	ID string `json:"id"`
}

// edge is some bytes of a file, by their number and SHA-256.
type edge struct {
	Bytes int    `json:"bytes"`
	Sum   string `json:"sum,omitempty"`
}

const edgeBytes = 1 << 10

func edgeOf(b []byte) edge {
	sum := sha256.Sum256(b)
	return edge{len(b), hex.EncodeToString(sum[:16])}
}

func (e edge) at(file io.ReaderAt, offset int64) bool {
	if e.Bytes == 0 {
		return true
	}
	if e.Bytes < 0 || e.Bytes > edgeBytes || offset < 0 {
		return false
	}
	b := make([]byte, e.Bytes)
	if n, _ := file.ReadAt(b, offset); n < len(b) {
		return false
	}
	return edgeOf(b) == e
}

func (r *record) id() fileID { return fileID{r.Device, r.Inode} }

// holds tells whether a file has, where the record says, what was sent of it.
func (r *record) holds(file io.ReaderAt) bool {
	return r.Head.at(file, 0) && r.Last.at(file, r.Offset-int64(r.Last.Bytes))
}

// noteHead takes in the first bytes of a file as it grows, so that a copy of it would be known. False:
// it does not begin as it did.
func (r *record) noteHead(file *os.File) bool {
	info, err := file.Stat()
	if err != nil {
		return true
	}
	n := min(edgeBytes, info.Size())
	if n <= int64(r.Head.Bytes) {
		return n == int64(r.Head.Bytes) || n == edgeBytes
	}
	head := make([]byte, n)
	if _, err := file.ReadAt(head, 0); err != nil {
		return !errors.Is(err, io.EOF)
	}
	if !r.Head.at(bytes.NewReader(head), 0) {
		return false
	}
	r.Head = edgeOf(head)
	return true
}

// store is the folder of records, one file each.
type store struct {
	dir  string
	lock *os.File
	id   string // of the folder: two machines never name a batch alike

	at       time.Time // when the folder was made
	patterns []string  // whose files are no longer new

	mu      sync.Mutex
	records map[fileID]record
	// complete is, by path, until when each file that stood there has a record. What is rotated later
	// and has none was never seen.
	complete map[string]time.Time
	gone     map[fileID]bool // done and not found when tidy looked
}

type began struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Patterns []string  `json:"patterns"`
}

const (
	beganFile  = "began.json"
	recordFile = ".file.json"
	maxRecord  = 64 << 10
	forgotten  = 30 * 24 * time.Hour // a file that no pattern matches any more
)

func openStore(dir string) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("state: %s is used by another process: give each its own folder: %w", dir, err)
	}
	s := &store{dir: dir, lock: lock, records: map[fileID]record{}, complete: map[string]time.Time{}}
	if err := s.load(); err != nil {
		s.close()
		return nil, fmt.Errorf("state: %w", err)
	}
	return s, nil
}

func (s *store) close() { s.lock.Close() }

func (s *store) load() error {
	var b began
	text, err := os.ReadFile(filepath.Join(s.dir, beganFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		b.ID, b.At = rand.Text()[:12], time.Now()
		s.id, s.at = b.ID, b.At
		if err := s.began(); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		if err := json.Unmarshal(text, &b); err != nil || b.ID == "" {
			return fmt.Errorf("%s is not readable: %w", beganFile, cmp.Or(err, errors.New("no id")))
		}
	}
	s.id, s.at, s.patterns = b.ID, b.At, b.Patterns
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(s.dir, e.Name())
		if strings.HasSuffix(name, ".new") { // a write that was cut
			os.Remove(name)
		}
		if !strings.HasSuffix(name, recordFile) {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var r record
		// Written in one step, so only a hand or a disk has damaged it: people must know.
		if err := json.Unmarshal(text, &r); err != nil || r.Offset < 0 {
			return fmt.Errorf("%s is not readable: remove it, and the file it was about is read from its start: %w", name, cmp.Or(err, errors.New("offset")))
		}
		s.records[r.id()] = r
		if r.Complete.After(s.complete[r.Path]) {
			s.complete[r.Path] = r.Complete
		}
	}
	return nil
}

// isComplete notes that up to now each file that stood at a path has a record. It lasts from the
// next record of the path on.
func (s *store) isComplete(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.complete[path] = time.Now()
}

// completeUntil is when isComplete was last said of a path.
func (s *store) completeUntil(path string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.complete[path]; ok {
		return t
	}
	return s.at
}

// isNew tells whether a pattern was never followed before.
func (s *store) isNew(pattern string) bool { return !slices.Contains(s.patterns, pattern) }

// notNew notes that a pattern's files are known: what appears from now on is read from its start.
func (s *store) notNew(pattern string) error {
	s.patterns = append(s.patterns, pattern)
	if err := s.began(); err != nil {
		s.patterns = s.patterns[:len(s.patterns)-1]
		return err
	}
	return nil
}

func (s *store) began() error { return s.write(beganFile, began{s.id, s.at, s.patterns}) }

func (s *store) get(id fileID) (record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.records[id]
	return r, ok
}

// of are the records of a path, oldest first.
func (s *store) of(path string) []record {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []record
	for _, r := range s.records {
		if r.Path == path {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b record) int { return a.Updated.Compare(b.Updated) })
	return out
}

// paths are those that records are of, some perhaps twice.
func (s *store) paths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]string, 0, len(s.records))
	for _, r := range s.records {
		out = append(out, r.Path)
	}
	return out
}

// put keeps a record; when it returns, a power cut does not undo it.
func (s *store) put(r *record) error {
	r.Updated, r.Complete = time.Now(), s.completeUntil(r.Path)
	if err := s.write(r.file(), r); err != nil {
		return err
	}
	kept := *r
	if r.Planned != nil {
		p := *r.Planned
		kept.Planned = &p
	}
	s.mu.Lock()
	s.records[r.id()] = kept
	s.mu.Unlock()
	return nil
}

func (s *store) remove(r record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, r.id())
	os.Remove(filepath.Join(s.dir, r.file()))
}

func (r *record) file() string { return fmt.Sprintf("%x-%d%s", r.Device, r.Inode, recordFile) }

// write replaces a file of the folder in one step.
func (s *store) write(name string, v any) error {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	name = filepath.Join(s.dir, name)
	if err := writeSynced(name+".new", text); err != nil {
		return err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	dir, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

func writeSynced(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// tidy forgets files that are done and gone, and those that nobody asked for in a month. It wants
// to miss a file twice: a folder that is read while its files are renamed may not show them all.
func (s *store) tidy() {
	s.mu.Lock()
	var old []record
	for _, r := range s.records {
		if r.Done || time.Since(r.Updated) > forgotten {
			old = append(old, r)
		}
	}
	s.mu.Unlock()
	gone := map[fileID]bool{}
	there := map[string]map[fileID]bool{}
	for _, r := range old {
		dir := filepath.Dir(r.Path)
		if there[dir] == nil {
			there[dir] = idsIn(dir)
		}
		if info, err := os.Stat(r.Path); err == nil && idOf(info) == r.id() { // perhaps through a symlink
			continue
		}
		if there[dir] == nil || there[dir][r.id()] {
			continue
		}
		if s.gone[r.id()] {
			s.remove(r)
		} else {
			gone[r.id()] = true
		}
	}
	s.gone = gone
}

// idsIn are the files of a folder; nil: it cannot be read now, and nothing is known.
func idsIn(dir string) map[fileID]bool {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	ids := map[fileID]bool{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil // renamed since
		}
		ids[idOf(info)] = true
	}
	return ids
}
