package crisis

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Export is a crisis with its timeline, for a file.
type Export struct {
	Crisis *Crisis
	Lines  []Line
	Zone   *time.Location    // of times in Markdown; nil: UTC
	Say    func(Line) string // a line in words, without its note; nil: its What and Args
	Drill  string            // how an exercise is called; "": DRILL
}

func (e *Export) say(l Line) string {
	if e.Say != nil {
		return e.Say(l)
	}
	return strings.TrimSpace(l.What + " " + args(l))
}

func args(l Line) string {
	parts := make([]string, 0, len(l.Args))
	for _, name := range slices.Sorted(maps.Keys(l.Args)) {
		parts = append(parts, name+"="+l.Args[name])
	}
	return strings.Join(parts, " ")
}

// JSON writes the crisis, and its lines with their sequence.
func (e *Export) JSON(w io.Writer) error {
	type numbered struct {
		Sequence uint64 `json:"sequence"`
		Line
	}
	c := *e.Crisis
	c.Acts = nil // lines have them
	out := struct {
		Crisis *Crisis    `json:"crisis"`
		Lines  []numbered `json:"lines"`
	}{&c, make([]numbered, len(e.Lines))}
	for i, l := range e.Lines {
		out.Lines[i] = numbered{l.Sequence, l}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

// CSV writes a row for each line, in UTF-8 with its mark, so that spreadsheets read accents. A cell that a spreadsheet
// would calculate begins with a quote.
func (e *Export) CSV(w io.Writer) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	c := csv.NewWriter(w)
	if err := c.Write([]string{"sequence", "at", "written", "what", "by", "text", "note", "run", "send", "problem", "drill"}); err != nil {
		return err
	}
	for _, l := range e.Lines {
		written := ""
		if l.Late() {
			written = l.Written.UTC().Format(time.RFC3339)
		}
		row := []string{fmt.Sprint(l.Sequence), l.At.UTC().Format("2006-01-02T15:04:05.000Z07:00"), written, l.What, l.By, e.say(l), l.Text, l.Run, l.Send, l.Problem, fmt.Sprint(l.Drill)}
		for i := range row {
			row[i] = cell(row[i])
		}
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// Markdown writes the timeline as a report begins with it.
func (e *Export) Markdown(w io.Writer) error {
	zone := e.Zone
	if zone == nil {
		zone = time.UTC
	}
	var b strings.Builder
	c := e.Crisis
	title := c.Title
	if c.Drill {
		drill := e.Drill
		if drill == "" {
			drill = "DRILL"
		}
		title = drill + " · " + title
	}
	fmt.Fprintf(&b, "# %s\n\n", Escape(title))
	fmt.Fprintf(&b, "%s → ", c.Began.In(zone).Format("2006-01-02 15:04:05 MST"))
	if c.Open() {
		b.WriteString("…")
	} else {
		b.WriteString(c.Ended.In(zone).Format("2006-01-02 15:04:05 MST"))
	}
	fmt.Fprintf(&b, " · %s\n\n", Escape(c.Lead))
	day := ""
	for _, l := range e.Lines {
		at := l.At.In(zone)
		if d := at.Format("2006-01-02"); d != day {
			day = d
			fmt.Fprintf(&b, "## %s\n\n", d)
		}
		fmt.Fprintf(&b, "- **%s** ", at.Format("15:04:05"))
		if l.Late() {
			fmt.Fprintf(&b, "(✎ %s) ", l.Written.In(zone).Format("2006-01-02 15:04"))
		}
		b.WriteString(Escape(e.say(l)))
		if l.By != "" {
			fmt.Fprintf(&b, " · %s", Escape(l.By))
		}
		b.WriteByte('\n')
		if l.Text != "" {
			b.WriteString("  > " + strings.ReplaceAll(Escape(l.Text), "\n", "\n  > ") + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Escape keeps what people typed from being read as Markdown.
func Escape(s string) string {
	return escaper.Replace(s)
}

var escaper = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "#", `\#`, "|", `\|`)
