package audience

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"vigie/internal/bus"
	"vigie/internal/ch"
)

// Bounds of imports.
const (
	MaxRefusals  = 1000       // that are told one by one
	maxLines     = 20_000_000 // of one import
	maxImports   = 100        // that are remembered
	blockRows    = 50_000
	usualViewers = 7 * 24 * time.Hour
)

// ImportOptions say what an import is.
type ImportOptions struct {
	Format  string // "csv", or "json": an object a line
	Replace bool   // all contacts are those of this import, at once when it ends; else they are added and changed
	Viewers bool   // it tells which viewer of a hit (id) is which contact (contact), or has which address
	Dry     bool   // compared and counted, and not used
	// Columns are CSV's, by their headers: id, email, phone, lang, email_agree, sms_agree, contact, the name of an
	// attribute, or "-", which leaves it out. Those that are not here are what they are called.
	Columns map[string]string
	Name    string // the file's, for people
	By      string
	Until   time.Time // its contacts go then, unless they are imported again; zero: after Config.Contacts, viewers after 7 days
}

// Import is what came of one. Of different ids: Added + Changed + Same; Lines = these + Refused + Repeated.
type Import struct {
	Number    uint64    `json:"number"`
	Name      string    `json:"name,omitempty"`
	By        string    `json:"by"`
	At        time.Time `json:"at"`
	Ended     time.Time `json:"ended,omitzero"`
	Until     time.Time `json:"until"`
	Replace   bool      `json:"replace,omitempty"`
	Viewers   bool      `json:"viewers,omitempty"`
	Dry       bool      `json:"dry,omitempty"`
	Lines     int       `json:"lines"` // without empty ones and the header
	Added     int       `json:"added"`
	Changed   int       `json:"changed"`
	Same      int       `json:"same"`
	Refused   int       `json:"refused"`
	Repeated  int       `json:"repeated,omitempty"` // lines about an id that a later line tells again: that one counts
	Gone      int       `json:"gone,omitempty"`     // of Replace: contacts that were there and are not any more
	Refusals  []Refusal `json:"refusals,omitempty"` // the first MaxRefusals
	Error     string    `json:"error,omitempty"`    // why nothing of it is used
	Deleted   time.Time `json:"deleted,omitzero"`   // its contacts were, by DeletedBy
	DeletedBy string    `json:"deleted_by,omitempty"`
}

// Refusal is a line that was not taken. Nothing that the line said is repeated but the name of a member that nobody
// knows.
type Refusal struct {
	Line   int    `json:"line"` // 1 is the file's first
	Column string `json:"column,omitempty"`
	Reason string `json:"reason"`
}

func (i *Import) refuse(line int, err error) {
	i.Refused++
	if len(i.Refusals) >= MaxRefusals {
		return
	}
	r := Refusal{Line: line, Reason: err.Error()}
	if w, ok := errors.AsType[*wrong](err); ok {
		r.Column, r.Reason = w.column, w.reason
	}
	i.Refusals = append(i.Refusals, r)
}

// Import reads contacts, each a line, and uses them when the last one was read: all that were taken at once, or, when
// the error is not nil, none. A line that is wrong is told and costs no other. The same lines again change nothing but
// the date until which they are kept.
//
// A line is the whole contact: what it does not say is not known, and agreements that it does not say are none. Lines
// are bounded to 64 KB, imports to 20 million lines, and to eight at a time (ErrBusy).
func (b *Book) Import(ctx context.Context, r io.Reader, o ImportOptions) (*Import, error) {
	if o.Format != "csv" && o.Format != "json" {
		return nil, fmt.Errorf("format: %q is neither csv nor json", o.Format)
	}
	if o.Replace && o.Viewers {
		return nil, errors.New("replace: viewers are added to those who are known")
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	if o.Until.IsZero() {
		o.Until = now.Add(b.cfg.Contacts)
		if o.Viewers {
			o.Until = now.Add(usualViewers)
		}
	}
	if !o.Until.After(now) || o.Until.After(now.Add(mostKept)) {
		return nil, fmt.Errorf("until: %s is not between now and %d days from now", o.Until.Format(time.DateOnly), int(mostKept.Hours()/24))
	}
	n, done, err := b.begin(ctx, false)
	if err != nil {
		return nil, err
	}
	defer done()
	i := &Import{Number: n, Name: cut(o.Name, 200), By: o.By, At: now, Until: o.Until.UTC().Truncate(time.Second), Replace: o.Replace, Viewers: o.Viewers, Dry: o.Dry}
	err = b.fill(ctx, i, r, o)
	if err == nil {
		err = b.compare(ctx, i)
	}
	if err == nil && i.Replace && i.Lines == i.Refused {
		err = errors.New("no line of it is a contact: nothing is replaced by nothing")
	}
	if err == nil && !o.Dry && i.Lines > i.Refused {
		err = b.use(ctx, i)
	} else {
		b.leave(ctx, n)
	}
	i.Ended = time.Now().UTC().Truncate(time.Millisecond)
	if err != nil {
		i.Error = cut(err.Error(), 500)
	}
	if !o.Dry {
		b.remember(ctx, i)
	}
	return i, err
}

func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return text[:most]
}

// use puts an import's contacts among those in use.
func (b *Book) use(ctx context.Context, i *Import) error {
	l := layer{N: i.Number, Rows: uint64(i.Lines - i.Refused), Once: i.Repeated == 0}
	var old []layer
	err := b.commit(ctx, i.Number, func(h *head) error {
		old = nil
		switch {
		case i.Viewers:
			l.Until = i.Until
			h.Maps = append(h.Maps, l)
			if len(h.Maps) > maxMaps {
				old, h.Maps = h.Maps[:len(h.Maps)-maxMaps], slices.Clone(h.Maps[len(h.Maps)-maxMaps:])
			}
		case i.Replace:
			old, h.Layers = h.Layers, []layer{l}
		default:
			h.Layers = append(h.Layers, l)
		}
		return nil
	})
	if err != nil {
		b.leave(ctx, i.Number)
		return err
	}
	for _, l := range old { // where it fails, Tidy does it
		_ = b.drop(ctx, l.N)
	}
	if err := b.merge(ctx); err != nil {
		b.cfg.Log.Warn("make one of many imports: it is tried again", "error", err)
	}
	return nil
}

// remember keeps what came of an import, and forgets the oldest.
func (b *Book) remember(ctx context.Context, i *Import) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := b.imports.Create(ctx, importID(i.Number), i); err != nil && !errors.Is(err, bus.ErrConflict) {
		b.cfg.Log.Warn("keep what came of an import", "number", i.Number, "error", err)
	}
	for all := b.imports.All(); len(all) > maxImports; all = all[1:] {
		if err := b.imports.Delete(ctx, importID(all[0].Number)); err != nil {
			return
		}
	}
}

func importID(n uint64) string { return fmt.Sprintf("%012d", n) }

// Imports are the latest 100, the latest first.
func (b *Book) Imports() []*Import {
	all := b.imports.All()
	slices.Reverse(all)
	return all
}

// DeleteImport deletes the contacts whose latest word is an import's, and tells how many they were. What an earlier
// import said of them does not come back.
func (b *Book) DeleteImport(ctx context.Context, number uint64, by string) (int, error) {
	if number == 0 {
		return 0, ErrNotFound
	}
	gone, err := b.purge(ctx, without{imp: number})
	if err != nil {
		return gone, err
	}
	_, err = b.imports.Edit(ctx, importID(number), func(i *Import) error {
		i.Deleted, i.DeletedBy = time.Now().UTC(), by
		return nil
	})
	if errors.Is(err, bus.ErrNotFound) { // longer ago than is remembered
		err = nil
		if gone == 0 {
			err = ErrNotFound
		}
	}
	return gone, err
}

// DeleteContact deletes a contact, and which viewers it was; it tells whether there was one. Lists that were frozen
// before keep its address until their date.
func (b *Book) DeleteContact(ctx context.Context, id string) (bool, error) {
	if id == "" {
		return false, nil
	}
	gone, err := b.purge(ctx, without{erased: id})
	return gone > 0, err
}

// compare counts what an import says that is new.
func (b *Book) compare(ctx context.Context, i *Import) error {
	if i.Lines == i.Refused {
		return nil
	}
	return b.steady(ctx, func(h *head) error {
		in := h.Layers
		if i.Viewers {
			in = h.Maps
		}
		var found []struct {
			Contacts uint64 `ch:"contacts"`
			Added    uint64 `ch:"added"`
			Changed  uint64 `ch:"changed"`
		}
		if err := b.cfg.DB.Select(ctx, &found, b.sql["compare"], ch.P("generation", i.Number), ch.P("of", numbers(in)), ch.P("now", i.At.Truncate(time.Second))); err != nil || len(found) == 0 {
			return fmt.Errorf("audience: compare with the contacts there are: %w", cmp.Or(err, errors.New("no answer")))
		}
		f := found[0]
		i.Added, i.Changed = int(f.Added), int(f.Changed)
		i.Same, i.Repeated = int(f.Contacts-f.Added-f.Changed), i.Lines-i.Refused-int(f.Contacts)
		if i.Replace {
			held, err := b.held(ctx, h.Layers, i.At)
			if err != nil {
				return err
			}
			i.Gone = max(0, held-i.Same-i.Changed)
		}
		return nil
	})
}

// held is how many contacts there are.
func (b *Book) held(ctx context.Context, of []layer, now time.Time) (int, error) {
	var found []struct {
		Contacts uint64 `ch:"contacts"`
		Expired  uint64 `ch:"expired"`
		Imported uint64 `ch:"imported"`
		Erased   uint64 `ch:"erased"`
	}
	if err := b.cfg.DB.Select(ctx, &found, b.sql["expired"], append(without{expired: now}.params(), ch.P("of", numbers(of)))...); err != nil || len(found) == 0 {
		return 0, err
	}
	return int(found[0].Contacts - found[0].Expired), nil
}

// Contacts is how many there are.
func (b *Book) Contacts(ctx context.Context) (n int, err error) {
	err = b.steady(ctx, func(h *head) error {
		n, err = b.held(ctx, h.Layers, time.Now())
		return err
	})
	return n, err
}

// rowsOf is a block of the table of contacts.
type rowsOf struct {
	block                                 *ch.Block
	generation, version, line             *ch.UInt64
	id, contact, email, phone, attributes *ch.String
	lang                                  *ch.LowCardinality
	emailAgree, smsAgree                  *ch.UInt8
	updated                               *ch.DateTime64
	until                                 *ch.DateTime
	room                                  []byte
}

func newRows() *rowsOf {
	k := ch.NewBlock()
	return &rowsOf{
		block: k, generation: k.UInt64("generation"), version: k.UInt64("version"), line: k.UInt64("line"),
		id: k.String("id"), contact: k.String("contact"), email: k.String("email"), phone: k.String("phone"),
		lang: k.LowCardinality("lang"), emailAgree: k.UInt8("email_agree"), smsAgree: k.UInt8("sms_agree"),
		attributes: k.String("attributes"), updated: k.DateTime64("updated"), until: k.DateTime("until"),
	}
}

func (r *rowsOf) add(i *Import, line int, t *told) {
	r.generation.Append(i.Number)
	r.version.Append(i.Number)
	r.line.Append(uint64(line))
	r.id.AppendString(t.ID)
	r.contact.AppendString(t.Of)
	r.email.AppendString(t.Email)
	r.phone.AppendString(t.Phone)
	r.lang.AppendString(t.Lang)
	r.emailAgree.Append(flag(t.EmailAgree))
	r.smsAgree.Append(flag(t.SMSAgree))
	r.room = appendAttributes(r.room[:0], t.Attributes)
	r.attributes.Append(r.room)
	r.updated.Append(i.At)
	r.until.Append(i.Until)
}

func flag(v bool) uint8 {
	if v {
		return 1
	}
	return 0
}

// store writes an import's rows while the next ones are read.
type store struct {
	b       *Book
	i       *Import
	rows    *rowsOf
	free    chan *rowsOf
	full    chan *rowsOf
	stopped chan struct{}
	err     error // of stopped
}

func (b *Book) newStore(ctx context.Context, i *Import) *store {
	s := &store{b: b, i: i, rows: newRows(), free: make(chan *rowsOf, 2), full: make(chan *rowsOf), stopped: make(chan struct{})}
	s.free <- newRows()
	go func() {
		defer close(s.stopped)
		n := 0
		for rows := range s.full {
			if s.err == nil {
				n++
				s.err = b.insert(ctx, fmt.Sprintf("contacts-%d-%d", i.Number, n), rows.block)
			}
			rows.block.Reset()
			s.free <- rows
		}
	}()
	return s
}

func (s *store) add(line int, t *told) {
	s.rows.add(s.i, line, t)
	if s.rows.block.Rows() >= blockRows || s.rows.block.Bytes() > 32<<20 {
		s.flush()
	}
}

func (s *store) flush() {
	s.full <- s.rows
	s.rows = <-s.free
}

// end writes the rest, and tells whether all was written.
func (s *store) end() error {
	if s.rows.block.Rows() > 0 {
		s.flush()
	}
	close(s.full)
	<-s.stopped
	return s.err
}

// insert repeats what failed for a reason that passes: with its token, what was there already is not there twice.
func (b *Book) insert(ctx context.Context, token string, block *ch.Block) (err error) {
	for try := range 4 {
		if err = b.cfg.DB.Insert(ctx, "contacts", token, block); err == nil || !ch.IsUnavailable(err) {
			return err
		}
		if !wait(ctx, time.Second<<try) {
			break
		}
	}
	return err
}

// fill reads lines and stores those that are right.
func (b *Book) fill(ctx context.Context, i *Import, r io.Reader, o ImportOptions) error {
	s := b.newStore(ctx, i)
	err := b.read(ctx, i, r, o, s.add)
	if stored := s.end(); err == nil {
		err = stored
	}
	return err
}

// read gives take each line that is right, and counts the others.
func (b *Book) read(ctx context.Context, i *Import, r io.Reader, o ImportOptions, take func(line int, t *told)) error {
	in := lines{r: bufio.NewReaderSize(r, maxLine)}
	var csv *table
	for {
		line, err := in.next()
		if err == io.EOF {
			break
		}
		long := errors.Is(err, errLong)
		if err != nil && !long {
			return fmt.Errorf("read line %d: %w", in.n, err)
		}
		if in.n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if !long && len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if o.Format == "csv" && csv == nil {
			if long {
				return fmt.Errorf("the first line is longer than %d bytes: is it CSV?", maxLine)
			}
			if csv, err = newTable(line, o.Columns); err != nil {
				return err
			}
			continue
		}
		if i.Lines++; i.Lines > maxLines {
			return fmt.Errorf("more than %d lines: import it in parts", maxLines)
		}
		if long {
			i.refuse(in.n, err)
			continue
		}
		var t told
		if csv != nil {
			t, err = csv.read(line)
		} else {
			t, err = readJSON(line)
		}
		if err == nil {
			err = b.check(&t, o.Viewers)
		}
		if err != nil {
			i.refuse(in.n, err)
			continue
		}
		take(in.n, &t)
	}
	if o.Format == "csv" && csv == nil {
		return errors.New("it is empty: the first line names the columns")
	}
	return nil
}

// lines reads lines that are bounded.
type lines struct {
	r *bufio.Reader // its room is the longest line
	n int           // of the last one that was read
}

var errLong = fmt.Errorf("is longer than %d bytes", maxLine)

// next is a line without its end, valid until the next call. errLong: it is left out, and reading goes on.
func (l *lines) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if err == io.EOF && len(line) == 0 {
		return nil, io.EOF
	}
	l.n++
	if err == bufio.ErrBufferFull {
		for err == bufio.ErrBufferFull {
			_, err = l.r.ReadSlice('\n')
		}
		if err == nil || err == io.EOF {
			err = errLong
		}
		return nil, err
	}
	if err != nil && err != io.EOF {
		return nil, err
	}
	return bytes.TrimRight(line, "\r\n"), nil
}
