package match

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Note is what someone wrote on the axis for all to see.
type Note struct {
	ID   string    `json:"id"`
	At   time.Time `json:"at"` // what it is about
	Text string    `json:"text"`
	By   string    `json:"by"`   // account name
	Said time.Time `json:"said"` // when it was written
}

// Move is what someone said about a phase: when it begins, or that it is not played.
type Move struct {
	Phase    Phase     `json:"phase"`
	At       time.Time `json:"at,omitzero"`
	Skip     bool      `json:"skip,omitempty"` // it, and what follows up to "after", is not played
	By       string    `json:"by"`
	Said     time.Time `json:"said"`
	Undone   string    `json:"undone,omitempty"` // who took it back; "": it counts
	UndoneAt time.Time `json:"undone_at,omitzero"`
}

// Verdict is what was answered to an item of the checklist.
type Verdict string

const (
	Unset Verdict = ""
	Go    Verdict = "go"
	NoGo  Verdict = "no-go"
)

// Answer is who said what to an item of the checklist.
type Answer struct {
	Verdict Verdict   `json:"verdict"`
	Note    string    `json:"note,omitempty"`
	By      string    `json:"by"`
	Said    time.Time `json:"said"`
}

// Invalid says which value of an act cannot be taken, and why.
type Invalid struct{ Field, Reason string }

func (e Invalid) Error() string { return "match: " + e.Field + ": " + e.Reason }

// Bounds of what is kept of a match.
const (
	MaxNotes  = 500
	MaxText   = maxText // characters of a note, and of what is said with an answer
	maxMoves  = 100
	maxRecord = 256 << 10 // bytes, as JSON
	maxAway   = maxForecast
)

// record is what people decided about one match, as it is kept.
type record struct {
	Version uint64            `json:"version"` // counts writes, so that an older one never follows a newer one
	Moves   []Move            `json:"moves,omitempty"`
	Notes   []Note            `json:"notes,omitempty"` // in order of time
	Answers map[string]Answer `json:"answers,omitempty"`
	Compare *comparison       `json:"compare,omitempty"` // nil: as the file says
}

type comparison struct {
	Earlier string    `json:"earlier"` // "": none
	Align   Phase     `json:"align,omitempty"`
	By      string    `json:"by"`
	Said    time.Time `json:"said"`
}

func readRecord(value []byte) (*record, error) {
	r := &record{}
	if len(value) == 0 {
		return r, nil
	}
	if len(value) > maxRecord {
		return nil, fmt.Errorf("match: what is kept has %d bytes, %d are allowed", len(value), maxRecord)
	}
	if err := json.Unmarshal(value, r); err != nil {
		return nil, fmt.Errorf("match: decode what is kept: %w", err)
	}
	return r, nil
}

func said() time.Time { return time.Now().UTC().Truncate(time.Second) }

// sentence is what someone wrote, on one line; it must be short and fit to be shown.
func sentence(field, text string) (string, error) {
	text = strings.Join(strings.Fields(text), " ")
	switch {
	case utf8.RuneCountInString(text) > MaxText:
		return "", Invalid{field, fmt.Sprintf("is longer than %d characters", MaxText)}
	case !printable(text):
		return "", Invalid{field, "has characters that cannot be shown"}
	}
	return text, nil
}

// move adds a move that fits the plan and those made before.
func (r *record) move(m *Match, move Move) error {
	rank := move.Phase.rank()
	if rank <= 0 {
		return Invalid{"phase", fmt.Sprintf("%.60q is none of %s", move.Phase, joinPhases(order[1:]))}
	}
	before := replay(r.Moves)
	after := replay(append(slices.Clip(r.Moves), move))
	if move.Skip {
		timeline := m.timeline(before)
		i := index(timeline, move.Phase)
		switch {
		case i < 0:
			return Invalid{"phase", string(move.Phase) + " is not played in any case"}
		case i == 0 || move.Phase == PhaseAfter:
			return Invalid{"phase", string(move.Phase) + " cannot be left out"}
		}
		if at, ok := after.moved[PhaseAfter]; ok { // it must still come after what is left
			if last := m.timeline(course{after.moved, after.ended}); len(last) > 1 && !at.After(last[len(last)-2].At) {
				return Invalid{"phase", string(PhaseAfter) + " was moved to before what is left: move it first"}
			}
		}
	} else if err := m.fits(after, move.Phase); err != nil {
		return err
	}
	r.Moves = append(r.Moves, move)
	r.forget(m)
	return nil
}

// forget drops the oldest moves beyond the bound that change nothing any more.
func (r *record) forget(m *Match) {
	for len(r.Moves) > maxMoves {
		now := m.timeline(replay(r.Moves))
		useless := func(i int) bool {
			return slices.Equal(now, m.timeline(replay(slices.Delete(slices.Clone(r.Moves), i, i+1))))
		}
		i := 0 // there is one: no timeline takes as many moves as there are
		for i < len(r.Moves)-1 && !useless(i) {
			i++
		}
		r.Moves = slices.Delete(r.Moves, i, i+1)
	}
}

// undo takes back the last move that counts.
func (r *record) undo(by string) error {
	for i := len(r.Moves) - 1; i >= 0; i-- {
		if r.Moves[i].Undone == "" {
			r.Moves[i].Undone, r.Moves[i].UndoneAt = by, said()
			return nil
		}
	}
	return Invalid{"phase", "nothing was moved"}
}

func (r *record) addNote(n Note) error {
	if len(r.Notes) >= MaxNotes {
		return fmt.Errorf("%w: it has %d notes", ErrFull, MaxNotes)
	}
	i, _ := slices.BinarySearchFunc(r.Notes, n, func(a, b Note) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return -1 // of the same moment, in the order in which they were written
	})
	r.Notes = slices.Insert(r.Notes, i, n)
	return nil
}

func (r *record) removeNote(id, by string, admin bool) error {
	i := slices.IndexFunc(r.Notes, func(n Note) bool { return n.ID == id })
	switch {
	case i < 0:
		return fmt.Errorf("%w: note %.40q", ErrNotFound, id)
	case r.Notes[i].By != by && !admin:
		return ErrForbidden
	}
	r.Notes = slices.Delete(r.Notes, i, i+1)
	return nil
}
