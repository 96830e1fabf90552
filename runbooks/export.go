package runbooks

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"vigie/runbooks/crisis"
)

// Report is a run as a file.
type Report struct {
	Run   *Run
	Clock Clock          // of matches; nil: what is due on it is not told
	Zone  *time.Location // of times; nil: UTC
	Lang  string         // of the runbook's texts
	Now   time.Time
	Say   func(key string) string // words: "status.done", "kind.manual", "end.finished" …, "drill", "evidence", "late", "reason"; nil: the key's last part
}

func (e *Report) say(key string) string {
	if e.Say != nil {
		return e.Say(key)
	}
	return key[strings.LastIndexByte(key, '.')+1:]
}

// reportStep is a step as JSON has it.
type reportStep struct {
	ID       string     `json:"id"`
	Title    string     `json:"title"`
	Kind     Kind       `json:"kind"`
	Owner    string     `json:"owner,omitempty"`
	Status   Status     `json:"status"`
	Due      *time.Time `json:"due,omitempty"`
	At       *time.Time `json:"at,omitempty"`
	By       string     `json:"by,omitempty"`
	Choice   string     `json:"choice,omitempty"`
	Evidence string     `json:"evidence,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	Send     string     `json:"send,omitempty"`
	Late     float64    `json:"late_seconds,omitempty"`
	Call     *Call      `json:"call,omitempty"`
	Comments []Comment  `json:"comments,omitempty"`
}

func (e *Report) steps() []reportStep {
	v := e.Run.View(e.Now, e.Clock)
	out := make([]reportStep, len(v.Steps))
	for i, s := range v.Steps {
		o := reportStep{
			ID: s.Step.ID, Title: e.Run.Fill(s.Step.Title.In(e.Lang)), Kind: s.Step.Kind, Owner: s.Step.Owner, Status: s.Status,
			Late: s.Late.Seconds(), Call: s.Tick.Call, Comments: s.Tick.Comments,
		}
		if !s.Due.IsZero() {
			o.Due = &s.Due
		}
		switch {
		case s.Tick.Done != nil:
			d := s.Tick.Done
			o.At, o.By, o.Evidence, o.Send = &d.At, d.By, d.Note, d.Send
			if c := s.Step.Choice(s.Tick.Choice); c != nil {
				o.Choice = e.Run.Fill(c.Label.In(e.Lang))
			}
		case s.Tick.Skipped != nil:
			d := s.Tick.Skipped
			o.At, o.By, o.Reason = &d.At, d.By, d.Note
		}
		out[i] = o
	}
	return out
}

// JSON writes the run: its steps, and all acts in order.
func (e *Report) JSON(w io.Writer) error {
	r := e.Run
	out := struct {
		ID      string            `json:"id"`
		Runbook string            `json:"runbook"`
		Hash    string            `json:"hash"`
		Title   string            `json:"title"`
		Crisis  string            `json:"crisis"`
		Match   string            `json:"match,omitempty"`
		Drill   bool              `json:"drill"`
		Labels  map[string]string `json:"labels,omitempty"`
		Started time.Time         `json:"started"`
		By      string            `json:"by"`
		Lead    string            `json:"lead"`
		Ended   time.Time         `json:"ended,omitzero"`
		EndBy   string            `json:"end_by,omitempty"`
		End     End               `json:"end,omitempty"`
		Steps   []reportStep      `json:"steps"`
		Acts    []Act             `json:"acts"`
	}{
		r.ID, r.Runbook.ID, r.Runbook.Hash, r.Fill(r.Runbook.Title.In(e.Lang)), r.Crisis, r.Match, r.Drill, r.Labels,
		r.Started, r.By, r.Lead, r.Ended, r.EndBy, r.End, e.steps(), r.Acts,
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

// Markdown writes who did what when, with what evidence and how late, as a report begins with it.
func (e *Report) Markdown(w io.Writer) error {
	zone := e.Zone
	if zone == nil {
		zone = time.UTC
	}
	r := e.Run
	var b strings.Builder
	title := r.Fill(r.Runbook.Title.In(e.Lang))
	if r.Drill {
		title = strings.ToUpper(e.say("drill")) + " · " + title
	}
	fmt.Fprintf(&b, "# %s\n\n%s", crisis.Escape(title), r.Started.In(zone).Format("2006-01-02 15:04:05 MST"))
	if !r.Open() {
		fmt.Fprintf(&b, " → %s · %s", r.Ended.In(zone).Format("15:04:05"), crisis.Escape(e.say("end."+string(r.End))))
	}
	fmt.Fprintf(&b, " · %s · `%s` `%.12s`\n\n", crisis.Escape(r.Lead), r.Runbook.ID, r.Runbook.Hash)
	for i, s := range e.steps() {
		fmt.Fprintf(&b, "%d. **%s** · %s · %s", i+1, crisis.Escape(s.Title), crisis.Escape(e.say("kind."+string(s.Kind))), crisis.Escape(e.say("status."+string(s.Status))))
		if s.Owner != "" {
			fmt.Fprintf(&b, " · %s", crisis.Escape(s.Owner))
		}
		b.WriteByte('\n')
		if s.At != nil {
			by := s.By
			if by == "" {
				by = "Vigie"
			}
			fmt.Fprintf(&b, "   - %s · %s", s.At.In(zone).Format("15:04:05"), crisis.Escape(by))
			if s.Late >= 1 {
				fmt.Fprintf(&b, " · %s %s", crisis.Escape(e.say("late")), (time.Duration(s.Late) * time.Second).String())
			}
			if s.Choice != "" {
				fmt.Fprintf(&b, " · **%s**", crisis.Escape(s.Choice))
			}
			b.WriteByte('\n')
		}
		for _, line := range []struct{ key, text string }{{"evidence", s.Evidence}, {"reason", s.Reason}} {
			if line.text != "" {
				fmt.Fprintf(&b, "   - %s: %s\n", crisis.Escape(e.say(line.key)), crisis.Escape(strings.ReplaceAll(line.text, "\n", " ")))
			}
		}
		if s.Send != "" {
			fmt.Fprintf(&b, "   - `%s`\n", s.Send)
		}
		for _, c := range s.Comments {
			fmt.Fprintf(&b, "   - %s · %s: %s\n", c.At.In(zone).Format("15:04:05"), crisis.Escape(c.By), crisis.Escape(strings.ReplaceAll(c.Text, "\n", " ")))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
