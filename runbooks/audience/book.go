package audience

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"vigie/internal/bus"
	"vigie/internal/ch"
	"vigie/internal/state"
	"vigie/runbooks/channel"
)

// Errors that callers act upon. They may be wrapped.
var (
	ErrNotFound  = errors.New("audience: there is no such thing")
	ErrChanged   = errors.New("audience: somebody else has changed it meanwhile: look again")
	ErrForgotten = errors.New("audience: the list's lines were deleted on their date")
	ErrDamaged   = errors.New("audience: the list is not as it was frozen: it must not be sent to")
	ErrBusy      = errors.New("audience: as many imports are under way as may be: wait for one to end")
	ErrNoBeacons = errors.New("audience: no player told anything of that window, or it is past what is kept: who watched is not known")
	ErrNoMapping = errors.New("audience: nobody said which viewer is which contact: export the viewers, and import the mapping")
)

// Usual values, and bounds.
const (
	UsualCap      = 3 // messages to a person in a match, where nobody says how many
	usualContacts = 90 * 24 * time.Hour
	usualLists    = 30 * 24 * time.Hour
	mostKept      = 1100 * 24 * time.Hour
	usualBuffer   = 0.01
)

// Config is what a Book stands on. DB, State and Lists are needed; zero values of the others are the usual ones.
type Config struct {
	DB    *ch.DB
	State *state.Bucket // not loaded yet: New names the kinds that it keeps there
	Lists *bus.KV       // the lines of frozen lists, and nothing else

	Lang        string        // of contacts that name none: the house's first; "": fr
	Country     string        // calling code of numbers that are written as within the country, "33" for 06 12…; "": they are refused
	Cap         int           // messages to a person in a match; 0: 3; negative: as many as there are
	Contacts    time.Duration // how long contacts stay after they were last imported; 0: 90 days
	KeepLists   time.Duration // how long the lines of lists stay; 0: 30 days
	Rebuffering float64       // who was stalled for a greater part of their time suffered; 0: 0.01
	Tool        string        // the tool whose sessions the broadcaster can map; "": the one that named the most
	Mapping     *Mapping      // the broadcaster's system that tells which viewer is which contact; nil: by import
	Log         *slog.Logger
}

//go:embed sql/*.sql
var sqlFiles embed.FS

// Book is the audience's: contacts, segments, suppressions and lists. It is safe for concurrent use.
type Book struct {
	cfg  Config
	sql  map[string]string
	once map[string]string // of sql, see unchosen

	heads    *state.Kind[head]
	imports  *state.Kind[Import]
	segments *state.Kind[Segment]
	nevers   *state.Kind[shard]
	lists    *state.Kind[kept]
	house    *state.Kind[secrets]

	secrets secrets // of the house; set by Open
	forms   formCache
}

// New names what is kept in cfg.State, which is loaded afterwards; then Open.
func New(cfg Config) (*Book, error) {
	if cfg.DB == nil || cfg.State == nil || cfg.Lists == nil {
		return nil, errors.New("audience: a database, a bucket of state and a bucket of lists are needed")
	}
	if cfg.Lang == "" {
		cfg.Lang = "fr"
	}
	if cfg.Cap == 0 {
		cfg.Cap = UsualCap
	}
	if cfg.Contacts == 0 {
		cfg.Contacts = usualContacts
	}
	if cfg.KeepLists == 0 {
		cfg.KeepLists = usualLists
	}
	if cfg.Rebuffering == 0 {
		cfg.Rebuffering = usualBuffer
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Contacts < 0 || cfg.Contacts > mostKept || cfg.KeepLists < 0 || cfg.KeepLists > mostKept {
		return nil, fmt.Errorf("audience: contacts and lists are kept for at most %d days", int(mostKept.Hours()/24))
	}
	if lang, err := language(cfg.Lang); err != nil || lang != cfg.Lang {
		return nil, fmt.Errorf("audience: lang: %.20q is no language, as fr", cfg.Lang)
	}
	if len(cfg.Country) > 3 || !made(cfg.Country, digit) {
		return nil, fmt.Errorf("audience: country: %.20q is no calling code, as 33", cfg.Country)
	}
	if !(cfg.Rebuffering > 0 && cfg.Rebuffering < 1) {
		return nil, errors.New("audience: rebuffering: not between 0 and 1")
	}
	sql, err := ch.Queries(sqlFiles, "sql", "attributes", "copy", "count", "generations", "hit", "hit_size", "languages", "lookup", "mapped", "people", "referred", "expired", "compare", "drop", "heard")
	if err != nil {
		return nil, err
	}
	once, err := unchosen(sql)
	if err != nil {
		return nil, err
	}
	return &Book{
		cfg:      cfg,
		sql:      sql,
		once:     once,
		heads:    state.Keep[head](cfg.State, "contacts."),
		imports:  state.Keep[Import](cfg.State, "import."),
		segments: state.Keep[Segment](cfg.State, "segment."),
		nevers:   state.Keep[shard](cfg.State, "never."),
		lists:    state.Keep[kept](cfg.State, "list."),
		house:    state.Keep[secrets](cfg.State, "house."),
	}, nil
}

// Told is what people were told in this match, whatever the channel: package send's ledger.
type Told interface {
	Count(key string) int // messages that a Recipient's Key got, or may have got
}

// tick is how often Run looks at what is due.
const tick = time.Minute

// Run purges contacts and lists on their dates, and tidies up behind imports, until ctx ends. Every process may run
// it at once.
func (b *Book) Run(ctx context.Context) error {
	for t := time.NewTicker(tick); ; {
		if err := b.Tidy(ctx, time.Now()); err != nil && ctx.Err() == nil {
			b.cfg.Log.Warn("tidy up contacts and lists", "error", err)
		}
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

// personal tells whether lists can be of a kind.
func personal(k channel.Kind) error {
	if !k.Personal() {
		return fmt.Errorf("kind: %q is neither %s nor %s", k, channel.Email, channel.SMS)
	}
	return nil
}
