package tail

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"
	"vigie/internal/pause"

	"github.com/klauspost/compress/gzip"
)

// generation is one file that stands, or stood, at a path. It is read and sent by one goroutine.
type generation struct {
	f        *follower
	file     *os.File
	at       fileID
	record   record
	unsaved  bool // what was acknowledged is not in the store yet
	final    bool // nobody writes to it any more: a copy
	most     int  // bytes of a batch; less after the collectors found one too large
	looked   int64
	grew     time.Time // when it was last seen to grow
	pending  time.Time // since when there is something to send; zero: there is nothing
	after    <-chan struct{}
	caughtUp chan struct{} // closed when all that was there after its rotation was read
	caught   bool

	left        atomic.Int64 // when it was seen to stand at its path no more, Unix ns; 0: it does
	size, acked atomic.Int64
}

func newGeneration(f *follower, file *os.File, r record) *generation {
	g := &generation{f: f, file: file, at: r.id(), record: r, most: f.cfg.MaxBatch, looked: -1, grew: time.Now(), caughtUp: make(chan struct{})}
	g.acked.Store(r.Offset)
	if info, err := file.Stat(); err == nil {
		g.size.Store(info.Size())
	}
	return g
}

func (g *generation) leave()        { g.left.CompareAndSwap(0, time.Now().UnixNano()) }
func (g *generation) stay()         { g.left.Store(0) }
func (g *generation) rotated() bool { return g.left.Load() != 0 }
func (g *generation) behind() int64 { return max(0, g.size.Load()-g.acked.Load()) }

// over tells that a rotated file gets no more lines.
func (g *generation) over() bool {
	left := g.left.Load()
	return g.final || left != 0 && time.Since(g.grew) > g.f.cfg.pace.quiet && time.Since(time.Unix(0, left)) > g.f.cfg.pace.quiet
}

// batch is whole lines, packed.
type batch struct {
	from, to int64
	id       string
	packed   []byte
	lines    int64
	last     edge
	fields   string // that holds behind it
}

// run sends the file's lines as they come, until the file is rotated and over, or ctx ends.
func (g *generation) run(ctx context.Context) {
	defer g.catchUp()
	for ctx.Err() == nil {
		b, err := g.next(ctx)
		switch {
		case errors.Is(err, errBegunAgain):
			g.beginAgain(ctx)
		case errors.Is(err, errOver):
			g.finish(ctx)
			return
		case errors.Is(err, errState):
			g.f.complain("keep the state", err)
			_ = pause.For(ctx, time.Second)
		case err != nil:
			if !g.unreadable(ctx, err) {
				return
			}
		case b != nil:
			g.send(ctx, b)
		case g.unsaved:
			if err := g.keep(); err != nil {
				g.f.complain("keep the state", fmt.Errorf("%w: %w", errState, err))
				_ = pause.For(ctx, time.Second)
			}
		default:
			_ = pause.For(ctx, g.f.cfg.pace.poll)
		}
	}
	if g.unsaved {
		g.keep() // else it is sent again, under the same name
	}
}

// since is how long there has been something to send.
func (g *generation) since() time.Duration {
	if g.pending.IsZero() {
		g.pending = time.Now()
	}
	return time.Since(g.pending)
}

func (g *generation) catchUp() {
	if !g.caught {
		g.caught = true
		close(g.caughtUp)
	}
}

func (g *generation) keep() error {
	if err := g.f.store.put(&g.record); err != nil {
		return err
	}
	g.unsaved = false
	return nil
}

// finish notes that the file is done.
func (g *generation) finish(ctx context.Context) {
	g.record.Done = true
	for err := g.keep(); err != nil; err = g.keep() {
		g.f.complain("keep the state", err)
		if pause.For(ctx, time.Second) != nil {
			return
		}
	}
}

// unreadable waits after an error of the file system; false: there is no hope.
func (g *generation) unreadable(ctx context.Context, err error) bool {
	g.f.complain("read a file: it is tried again", err, "file", g.record.Path)
	g.catchUp()
	if g.over() {
		g.f.cfg.Log.Error("a rotated file cannot be read: the rest of it is not sent", "file", g.record.Path, "inode", g.at.inode, "sent_bytes", g.record.Offset, "error", err)
		return false
	}
	if pause.For(ctx, time.Second) != nil {
		return false
	}
	// A network file system forgets handles: the same file may be opened anew.
	if file, info, err := openRegular(g.record.Path); err == nil {
		if idOf(info) == g.at {
			g.file, file = file, g.file
		}
		file.Close()
	}
	return true
}

// errState: without a plan on disk, a batch could be counted twice after a crash.
var errState = errors.New("nothing is sent until this works")

// errOver tells that a rotated file was read to its end, and gets no more lines.
var errOver = errors.New("over")

// errBegunAgain tells that the file no longer holds what was sent of it: it was truncated.
var errBegunAgain = errors.New("begun again")

// next is the next batch, its plan kept, or nil when there is nothing to send yet.
func (g *generation) next(ctx context.Context) (*batch, error) {
	info, err := g.file.Stat()
	if err != nil {
		return nil, err
	}
	size, r := info.Size(), &g.record
	g.size.Store(size)
	if size != g.looked {
		g.grew = time.Now()
	}
	partial := size == g.looked // the same that held no whole line when it was looked at
	g.looked = size
	want := 0 // 0: as much as there is
	if r.Planned != nil {
		if want = int(r.Planned.To - r.Offset); want <= 0 || want > maxLine { // never written so
			r.Planned, want = nil, 0
		}
	}
	if size < max(r.Offset+int64(want), int64(r.Head.Bytes)) {
		return nil, errBegunAgain
	}
	if g.after != nil {
		select {
		case <-g.after:
			g.after = nil
		default:
			g.looked = -1
			return nil, g.recognise(size)
		}
	}
	switch {
	case size == r.Offset:
		g.pending = time.Time{}
		if g.rotated() {
			g.catchUp()
		} else {
			g.f.store.isComplete(r.Path)
		}
		if g.over() {
			return nil, errOver
		}
		return nil, nil
	case want > 0 || g.over():
	case size-r.Offset < int64(g.most) && !g.rotated() && g.since() < g.f.cfg.MaxWait:
		g.looked = -1 // not looked into yet
		return nil, g.recognise(size)
	case partial:
		if g.rotated() {
			g.catchUp()
		}
		return nil, nil
	}

	if r.Head.Bytes == 0 {
		r.noteHead(g.file)
	}
	select {
	case g.f.reading <- struct{}{}:
		defer func() { <-g.f.reading }()
	case <-ctx.Done():
		return nil, nil
	}
	held := g.f.buffers.Get().(*[]byte)
	defer g.f.buffers.Put(held)
	lines, err := g.read(*held, want)
	var head []byte
	if err == nil && len(lines) > 0 && r.Head.Bytes < edgeBytes {
		head = make([]byte, min(edgeBytes, r.Offset+int64(len(lines))))
		_, err = g.file.ReadAt(head, 0)
	}
	if !r.holds(g.file) { // after reading: what was read before a truncation is good
		return nil, errBegunAgain
	}
	if !g.rotated() {
		g.f.store.isComplete(r.Path)
	}
	if err != nil || len(lines) == 0 {
		return nil, err
	}
	g.looked = -1
	b, err := g.pack(lines)
	if err != nil {
		return nil, err
	}
	if r.Planned != nil {
		if b.id = r.Planned.ID; !strings.HasSuffix(b.id, contentSum(lines)) {
			return nil, errBegunAgain
		}
		return b, nil
	}
	if head != nil {
		r.Head = edgeOf(head)
	}
	b.id = fmt.Sprintf("tail:%s:%d:%d-%d:%s", g.f.fingerprint(r.Head), g.at.inode, b.from, b.to, contentSum(lines))
	r.Planned = &plan{b.to, b.id}
	if err := g.keep(); err != nil {
		r.Planned = nil
		return nil, fmt.Errorf("%w: %w", errState, err)
	}
	return b, nil
}

// recognise notes the first bytes of a file that is not read yet, so that its copy would be known.
func (g *generation) recognise(size int64) error {
	r := &g.record
	if r.Head.Bytes == 0 && size > 0 || r.Head.Bytes < edgeBytes && size >= edgeBytes {
		if !r.noteHead(g.file) {
			return errBegunAgain
		}
		g.unsaved = true
	}
	if !r.holds(g.file) {
		return errBegunAgain
	}
	return nil
}

// read reads want bytes behind the offset, or whole lines of at most g.most bytes; none: there is
// no whole line yet.
func (g *generation) read(buf []byte, want int) ([]byte, error) {
	exact := want > 0
	if !exact {
		want = g.most
	}
	for {
		if len(buf) < want {
			buf = make([]byte, want)
		}
		n, err := g.file.ReadAt(buf[:want], g.record.Offset)
		if err != nil && err != io.EOF {
			return nil, err
		}
		if exact {
			if n < want {
				return nil, errBegunAgain
			}
			return buf[:n], nil
		}
		end := bytes.LastIndexByte(buf[:n], '\n') + 1
		if want > g.most { // for one long line
			end = bytes.IndexByte(buf[:n], '\n') + 1
		}
		if end > 0 {
			return buf[:end], nil
		}
		switch {
		case n < want && !g.over():
			return nil, nil
		case n < want, want >= maxLine:
			return buf[:n], nil
		}
		want = min(2*want, maxLine)
	}
}

// pack makes a batch of the lines at the offset. In a W3C file each batch begins with the #Fields
// line that holds there.
func (g *generation) pack(lines []byte) (*batch, error) {
	r := &g.record
	if r.Offset == 0 {
		r.W3C = lines[0] == '#'
	}
	b := &batch{from: r.Offset, to: r.Offset + int64(len(lines)), last: edgeOf(lines[max(0, len(lines)-edgeBytes):]), fields: r.Fields}
	b.lines = int64(bytes.Count(lines, []byte{'\n'}))
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, g.f.cfg.Gzip)
	if err != nil {
		return nil, err
	}
	if r.W3C {
		if r.Fields != "" && !bytes.HasPrefix(lines, []byte(fieldsMark)) {
			io.WriteString(z, r.Fields+"\n")
		}
		b.fields = lastFields(lines, r.Fields)
	}
	z.Write(lines)
	if err := z.Close(); err != nil {
		return nil, err
	}
	b.packed = bytes.Clone(out.Bytes())
	return b, nil
}

func contentSum(lines []byte) string {
	sum := sha256.Sum256(lines)
	return hex.EncodeToString(sum[:8])
}

// fingerprint of a file's first bytes, on this machine.
func (f *follower) fingerprint(head edge) string {
	host, _ := os.Hostname()
	sum := sha256.Sum256([]byte(host + " " + f.store.id + " " + head.Sum))
	return hex.EncodeToString(sum[:8])
}

// send sends a batch until it is stored or set aside. When ctx ends before, its plan stays.
func (g *generation) send(ctx context.Context, b *batch) {
	switch g.f.sender.send(ctx, b.id, b.packed, b.to-b.from > minBatch && b.lines > 1) {
	case unsent:
		return
	case tooLarge:
		g.most = max(minBatch, min(g.most, int(b.to-b.from))/2)
		g.f.cfg.Log.Warn("the collectors find batches too large: smaller ones are sent", "file", g.record.Path, "bytes", g.most)
		g.record.Planned, g.unsaved = nil, true
		return
	case refused:
		g.f.cfg.Log.Error("lines were refused and set aside", "file", g.record.Path, "from", b.from, "to", b.to, "lines", b.lines, "folder", g.f.sender.refused)
	case stored:
		g.f.lines.Add(b.lines)
		g.f.bytes.Add(b.to - b.from)
		g.f.batches.Add(1)
	}
	r := &g.record
	r.Offset, r.Last, r.Fields, r.Planned = b.to, b.last, b.fields, nil
	g.acked.Store(b.to)
	g.pending = time.Time{}
	g.unsaved = true // kept with the next plan, or when there is none
}

// minBatch is what batches are not made smaller than.
const minBatch = 64 << 10

// beginAgain goes on after a truncation. What was not sent yet is in the copy that was made first,
// and perhaps in those of later rotations, all of which are read before the file itself. Meanwhile
// that is looked at, for it may be truncated again.
func (g *generation) beginAgain(ctx context.Context) {
	old := g.record
	since := g.f.store.completeUntil(old.Path)
	var copies []*generation
	take := func(s *sibling, r record) bool {
		file, info, err := s.open(old.Path)
		if err != nil {
			return false
		}
		r.Device, r.Inode = idOf(info).device, idOf(info).inode
		if !r.holds(file) || r.Offset == 0 && r.Head.Bytes == 0 && g.record.isIn(file, g.file) || g.f.store.put(&r) != nil {
			file.Close()
			return false
		}
		c := newGeneration(g.f, file, r)
		c.final = true
		c.leave()
		copies = append(copies, c)
		return true
	}
	unknown := func(s *sibling) bool { return !g.f.knows(old.Path, s) && !g.f.isLive(idOf(s.info)) }
	list := func() (rotated, compressed []sibling) {
		rotated, compressed, err := siblings(old.Path)
		if err != nil {
			g.f.complain("look for rotated files", err, "file", old.Path)
		}
		return rotated, compressed
	}

	found := old.Done || old.Head.Bytes == 0
	rotated, _ := list()
	for i := len(rotated) - 1; i >= 0 && !found; i-- {
		found = unknown(&rotated[i]) && take(&rotated[i], old)
	}
	g.record = record{Path: old.Path, Device: g.at.device, Inode: g.at.inode}
	g.record.noteHead(g.file)
	g.acked.Store(0)
	g.looked, g.pending, g.unsaved = -1, time.Time{}, true
	for err := g.keep(); err != nil; err = g.keep() {
		g.f.complain("keep the state", err)
		if pause.For(ctx, time.Second) != nil {
			break
		}
	}
	// Again, now that a copy of what stands there now would be known as one.
	rotated, compressed := list()
	for i := range rotated {
		if s := &rotated[i]; s.info.ModTime().After(since.Add(-clockSlack)) && s.info.Size() > 0 && unknown(s) {
			found = take(s, record{Path: old.Path}) || found
		}
	}
	if !found {
		g.f.cfg.Log.Warn("a file was truncated and no copy of it is to be found: what it had more than this is not sent", "file", old.Path, "sent_bytes", old.Offset, "compressed_copies", len(compressed))
	}
	for _, c := range copies {
		c.after, g.after = g.after, c.caughtUp
		g.f.setLive(c.at, c)
		g.f.open.Go(func() {
			c.run(ctx)
			c.file.Close()
			g.f.setLive(c.at, nil)
		})
	}
}

func (f *follower) setLive(id fileID, g *generation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if g == nil {
		delete(f.live, id)
		return
	}
	f.live[id] = g
}

const (
	fieldsMark = "#Fields:"
	maxFields  = 16 << 10
)

// lastFields is the last #Fields line of some lines, or the one before them.
func lastFields(lines []byte, before string) string {
	at := bytes.LastIndex(lines, []byte("\n"+fieldsMark)) + 1
	if !bytes.HasPrefix(lines[at:], []byte(fieldsMark)) {
		return before
	}
	line, _, _ := bytes.Cut(lines[at:], []byte("\n"))
	if len(line) > maxFields {
		return before
	}
	return string(bytes.TrimRight(line, "\r"))
}

// skipTo begins a record behind the last whole line before size. The columns of a W3C file are
// looked for in what is passed over.
func (r *record) skipTo(file *os.File, size int64) error {
	buf := make([]byte, 256<<10)
	for end := size; end > 0; { // the last line may be half written
		n := min(end, int64(len(buf)))
		if _, err := file.ReadAt(buf[:n], end-n); err != nil {
			return err
		}
		if at := bytes.LastIndexByte(buf[:n], '\n'); at >= 0 {
			r.Offset = end - n + int64(at) + 1
			break
		}
		end -= n
	}
	head := buf[:min(edgeBytes, r.Offset)]
	if _, err := file.ReadAt(head, 0); err != nil {
		return err
	}
	r.Head = edgeOf(head)
	r.W3C = len(head) > 0 && head[0] == '#'
	if r.Offset > 0 {
		last := make([]byte, min(edgeBytes, r.Offset))
		if _, err := file.ReadAt(last, r.Offset-int64(len(last))); err != nil {
			return err
		}
		r.Last = edgeOf(last)
	}
	if !r.W3C {
		return nil
	}
	for from := int64(0); from < r.Offset; {
		n := min(r.Offset-from, int64(len(buf)))
		if _, err := file.ReadAt(buf[:n], from); err != nil {
			return err
		}
		part := buf[:n]
		if end := bytes.LastIndexByte(part, '\n') + 1; end > 0 {
			part = part[:end]
		}
		r.Fields = lastFields(part, r.Fields)
		from += int64(len(part))
	}
	return nil
}
