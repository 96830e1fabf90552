package runbooks

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"vigie/internal/match"
)

// MainLanguage is that of a file which does not say.
const MainLanguage = "fr"

func keys[V any](m map[string]V) func(func(string) bool) { return maps.Keys(m) }

// file is one language's text, with the places of its parts.
type file struct {
	name  string
	lines []string
	front block            // of YAML
	steps map[string]block // by the step's id
}

// block is a part of a file: lines[from:to], counted from 0.
type block struct{ from, to int }

// at is a place as people and editors read it.
func at(name string, line, column int) string {
	if line == 0 {
		return name
	}
	return fmt.Sprintf("%s [%d:%d]", name, line, max(column, 1))
}

// problem is what is wrong with a key of a block; with "": with the block.
func (f *file) problem(b block, key, format string, args ...any) *Problem {
	line, column := b.from, 1
	if key != "" {
		line, column = f.place(b, key)
	} else {
		line++
	}
	return &Problem{File: f.name, Line: line, Column: column, Problem: match.Problem{Key: key, Text: fmt.Sprintf(format, args...)}}
}

// place is where a key stands in a block, as http.url; what it would stand in when it is not there.
func (f *file) place(b block, key string) (line, column int) {
	line, column = b.from+1, 1
	from := b.from
	for part := range strings.SplitSeq(key, ".") {
		part, _, _ = strings.Cut(part, "[")
		found := false
		for i := from; i < b.to && i < len(f.lines); i++ {
			text := f.lines[i]
			for _, begin := range []string{part + ":", `"` + part + `":`} {
				if j := strings.Index(text, begin); j >= 0 && (j == 0 || strings.ContainsRune(" {,-", rune(text[j-1]))) {
					line, column, from, found = i+1, utf8.RuneCountInString(text[:j])+1, i, true
					break
				}
			}
			if found {
				break
			}
		}
		if !found {
			break
		}
	}
	return line, column
}

// yaml is a block's text behind as many empty lines as stand before it, so that whoever reads it tells the file's lines.
func (f *file) yaml(b block) []byte {
	return []byte(strings.Repeat("\n", b.from) + strings.Join(f.lines[b.from:b.to], "\n") + "\n")
}

// section is a step of a file: its heading, its block and its text.
type section struct {
	title string
	line  int // of the heading, from 0
	block block
	text  string
}

// split finds the parts of a file.
func split(name string, text []byte) (f *file, intro string, sections []section, err error) {
	f = &file{name: name, steps: map[string]block{}}
	if len(text) > MaxFile {
		return f, "", nil, fmt.Errorf("%s: is larger than %d bytes", name, MaxFile)
	}
	if !utf8.Valid(text) || bytes.ContainsRune(text, 0) {
		return f, "", nil, fmt.Errorf("%s: is not text in UTF-8", name)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	f.lines = strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	if strings.TrimRight(f.lines[0], " ") != "---" {
		return f, "", nil, f.problem(block{}, "", "the file does not begin with --- and its front matter")
	}
	end := 1
	for end < len(f.lines) && strings.TrimRight(f.lines[end], " ") != "---" {
		end++
	}
	if end == len(f.lines) {
		return f, "", nil, f.problem(block{}, "", "the front matter is never closed with ---")
	}
	f.front = block{1, end}

	var errs []error
	var body []string
	var now *section
	closeSection := func() {
		text := strings.Trim(strings.Join(body, "\n"), "\n")
		if now == nil {
			intro = text
		} else {
			now.text = text
			sections = append(sections, *now)
		}
		body = nil
	}
	fence := ""
	for i := end + 1; i < len(f.lines); i++ {
		line := f.lines[i]
		if fence != "" {
			if closesFence(line, fence) {
				fence = ""
			}
			body = append(body, line)
			continue
		}
		if title, ok := strings.CutPrefix(line, "## "); ok {
			closeSection()
			now = &section{title: strings.TrimSpace(strings.TrimRight(strings.TrimSpace(title), "#")), line: i}
			continue
		}
		fence = opensFence(line)
		if strings.TrimSpace(line) != "```step" {
			body = append(body, line)
			continue
		}
		fence = ""
		to := i + 1
		for to < len(f.lines) && strings.TrimRight(f.lines[to], " ") != "```" {
			to++
		}
		b := block{i + 1, min(to, len(f.lines))}
		switch {
		case to == len(f.lines):
			errs = append(errs, f.problem(block{i, to}, "", "the ```step block is never closed with ```"))
		case now == nil:
			errs = append(errs, f.problem(block{i, to}, "", "a ```step block stands before the first ## heading"))
		case now.block != block{}:
			errs = append(errs, f.problem(block{i, to}, "", "a step has one ```step block: this is its second"))
		case strings.TrimSpace(strings.Join(body, "")) != "":
			errs = append(errs, f.problem(block{i, to}, "", "the ```step block comes first, right under the heading"))
		default:
			now.block = b
		}
		i = to
	}
	closeSection()
	return f, intro, sections, errors.Join(errs...)
}

// opensFence is the fence that a line opens, ``` or ~~~ and longer; "": none.
func opensFence(line string) string {
	text := strings.TrimLeft(line, " ")
	if len(line)-len(text) > 3 {
		return ""
	}
	for _, c := range []string{"`", "~"} {
		if n := len(text) - len(strings.TrimLeft(text, c)); n >= 3 && (c == "~" || !strings.Contains(text[n:], "`")) {
			return text[:n]
		}
	}
	return ""
}

func closesFence(line, fence string) bool {
	text := strings.TrimSpace(line)
	return len(text) >= len(fence) && strings.Trim(text, fence[:1]) == ""
}

// Parse reads a runbook's main file. id is its name without .md. Whatever is wrong is told at once: each a Problem, but
// for what decode says, which is told with the file's name and lines.
func Parse(id, name string, text []byte, decode Decode) (*Runbook, error) {
	f, intro, sections, err := split(name, text)
	if err != nil {
		return nil, err
	}
	var front frontMatter
	if err := decode(f.yaml(f.front), &front); err != nil {
		return nil, fmt.Errorf("%s:\n%w", name, err)
	}
	lang := cmp.Or(front.Language, MainLanguage)
	rb := &Runbook{
		ID: id, Languages: []string{lang}, Title: inLanguage(front.Title, lang), Owner: strings.TrimSpace(front.Owner),
		Intro: words(lang, intro), files: map[string]*file{lang: f},
	}
	c := &reading{f: f}
	c.front(rb, &front)
	if len(sections) == 0 {
		c.bad(block{len(f.lines) - 1, len(f.lines)}, "", "has no step: each is a heading that begins with ##")
	}
	if len(sections) > MaxSteps {
		c.bad(block{sections[MaxSteps].line, len(f.lines)}, "", "has more than %d steps", MaxSteps)
		sections = sections[:MaxSteps]
	}
	blocks := map[string]Values{}
	for _, s := range sections {
		if s.block == (block{}) {
			c.bad(block{s.line, s.line + 1}, "", "the step %.60q has no ```step block under its heading", s.title)
			continue
		}
		var b stepBlock
		if err := decode(f.yaml(s.block), &b); err != nil {
			c.errs = append(c.errs, fmt.Errorf("%s:\n%w", name, err))
			continue
		}
		step := c.step(s, &b, lang)
		if rb.Step(step.ID) != nil {
			c.bad(s.block, "id", "%q is another step's already", step.ID)
			continue
		}
		if step.ID != "" {
			f.steps[step.ID] = s.block
			rb.Steps = append(rb.Steps, step)
			blocks[step.ID] = b.Blocks
		}
	}
	for _, s := range slices.Sorted(keys(blocks)) {
		for _, id := range blocks[s] {
			after := rb.Step(id)
			switch {
			case after == nil:
				c.bad(f.steps[s], "blocks", "there is no step %q", id)
			case !slices.Contains(after.Needs, s):
				after.Needs = append(after.Needs, s)
			}
		}
	}
	sum := sha256.Sum256(text)
	rb.Hash = hex.EncodeToString(sum[:])
	return rb, errors.Join(c.errs...)
}

// Add reads the same runbook in another language, of which the title and each step's heading and text are used. Its steps'
// blocks say their id alone.
func (rb *Runbook) Add(lang, name string, text []byte, decode Decode) error {
	f, intro, sections, err := split(name, text)
	if err != nil {
		return err
	}
	c := &reading{f: f}
	var front struct {
		Title Words `yaml:"title"`
	}
	if strings.TrimSpace(string(f.yaml(f.front))) != "" {
		if err := decode(f.yaml(f.front), &front); err != nil {
			return fmt.Errorf("%s:\n%w", name, err)
		}
	}
	if slices.Contains(rb.Languages, lang) {
		return f.problem(block{}, "", "the runbook is in %q already", lang)
	}
	if title := front.Title.In(lang); title != "" {
		rb.Title[lang] = title
	}
	if intro != "" {
		rb.Intro = with(rb.Intro, lang, intro)
	}
	for _, s := range sections {
		if s.block == (block{}) {
			c.bad(block{s.line, s.line + 1}, "", "the step %.60q has no ```step block under its heading", s.title)
			continue
		}
		var b struct {
			ID string `yaml:"id"`
		}
		if err := decode(f.yaml(s.block), &b); err != nil {
			c.errs = append(c.errs, fmt.Errorf("%s: the main file says all but the id:\n%w", name, err))
			continue
		}
		step := rb.Step(b.ID)
		if step == nil {
			c.bad(s.block, "id", "the main file has no step %.60q", b.ID)
			continue
		}
		if _, twice := f.steps[b.ID]; twice {
			c.bad(s.block, "id", "%q is another step's already", b.ID)
			continue
		}
		f.steps[b.ID] = s.block
		c.title(s)
		step.Title = with(step.Title, lang, s.title)
		if s.text != "" {
			step.Text = with(step.Text, lang, s.text)
		}
	}
	for _, s := range rb.Steps {
		if _, ok := f.steps[s.ID]; !ok {
			c.bad(block{len(f.lines) - 1, len(f.lines)}, "", "the step %q is missing", s.ID)
		}
	}
	rb.Languages = append(rb.Languages, lang)
	rb.files[lang] = f
	sum := sha256.Sum256(append([]byte(rb.Hash+"\n"+lang+"\n"), text...))
	rb.Hash = hex.EncodeToString(sum[:])
	return errors.Join(c.errs...)
}

// Read reads a folder's files, by their names: id.md, and id.en.md for another language. What is wrong with one costs
// none of the others: those that could be read are returned with the error.
func Read(files map[string][]byte, decode Decode) ([]*Runbook, error) {
	var all []*Runbook
	var errs []error
	names := slices.Sorted(keys(files))
	for _, name := range names {
		id, lang := nameOf(name)
		if lang != "" {
			continue
		}
		if err := match.ParseID(id); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w: the file's name is the runbook's id", name, err))
			continue
		}
		if len(all) == maxRunbooks {
			errs = append(errs, fmt.Errorf("%s: there are more than %d runbooks", name, maxRunbooks))
			break
		}
		rb, err := Parse(id, name, files[name], decode)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, other := range names {
			if of, lang := nameOf(other); of == id && lang != "" && path.Dir(other) == path.Dir(name) {
				errs = append(errs, rb.Add(lang, other, files[other], decode))
			}
		}
		all = append(all, rb)
	}
	for _, name := range names {
		id, lang := nameOf(name)
		main := path.Join(path.Dir(name), id+".md")
		if _, ok := files[main]; lang != "" && !ok {
			errs = append(errs, fmt.Errorf("%s: there is no %s, whose other language it would be", name, main))
		}
	}
	return all, errors.Join(errs...)
}

// nameOf is the id and the language in a file's name; "": the main one.
func nameOf(name string) (id, lang string) {
	id = strings.TrimSuffix(path.Base(name), ".md")
	if i := len(id) - 3; i > 0 && id[i] == '.' {
		return id[:i], id[i+1:]
	}
	return id, ""
}

func words(lang, text string) Words {
	if text == "" {
		return nil
	}
	return Words{lang: text}
}

func with(w Words, lang, text string) Words {
	if w == nil {
		w = Words{}
	}
	w[lang] = text
	return w
}

// inLanguage says in which language a text is that does not.
func inLanguage(w Words, lang string) Words {
	if text, ok := w[""]; ok {
		return Words{lang: text}
	}
	return w
}

// reading collects what is wrong with a file by itself.
type reading struct {
	f    *file
	errs []error
}

func (c *reading) bad(b block, key, format string, args ...any) {
	c.errs = append(c.errs, c.f.problem(b, key, format, args...))
}

func (c *reading) words(b block, key string, w Words, most int, must bool) {
	if must && w.In("") == "" {
		c.bad(b, key, "is missing")
	}
	for _, lang := range slices.Sorted(keys(w)) {
		if lang != "" && (len(lang) != 2 || strings.Trim(lang, "abcdefghijklmnopqrstuvwxyz") != "") {
			c.bad(b, key, "%.20q is no language: write fr or en", lang)
		}
		if utf8.RuneCountInString(w[lang]) > most {
			c.bad(b, key, "is longer than %d characters", most)
		}
		if strings.TrimSpace(w[lang]) == "" && w.In("") != "" {
			c.bad(b, key, "is empty in %q", lang)
		}
	}
}

func (c *reading) front(rb *Runbook, front *frontMatter) {
	b := c.f.front
	c.words(b, "title", rb.Title, maxTitle, true)
	if rb.Owner == "" {
		c.bad(b, "owner", "is missing: a role of the match's roster, or a person")
	}
	if utf8.RuneCountInString(rb.Owner) > maxName {
		c.bad(b, "owner", "is longer than %d characters", maxName)
	}
	if lang := rb.Languages[0]; len(lang) != 2 {
		c.bad(b, "language", "%.20q is no language: write fr or en", lang)
	}
	for _, w := range front.When {
		if w.Criticality < 0 || w.Criticality > 4 {
			c.bad(b, "criticality", "%d is not between 1 and 4", w.Criticality)
		}
		for _, p := range w.Phases {
			if p != match.PhaseBefore && !slices.Contains(match.Phases(), p) {
				c.bad(b, "phases", "%.40q is no phase: one of before, %s", p, phases())
			}
		}
		for _, name := range slices.Sorted(keys(w.Labels)) {
			if len(w.Labels[name]) == 0 {
				c.bad(b, name, "has no value: write \"*\" for any")
			}
		}
		if len(w.Labels) == 0 && len(w.Rules) == 0 && w.Criticality == 0 && len(w.Phases) == 0 {
			c.bad(b, "when", "says nothing, and would be for all that happens")
		}
		rb.When = append(rb.When, When(w))
	}
}

func (c *reading) title(s section) {
	switch {
	case s.title == "":
		c.bad(block{s.line, s.line + 1}, "", "the heading is empty")
	case utf8.RuneCountInString(s.title) > maxTitle:
		c.bad(block{s.line, s.line + 1}, "", "the heading is longer than %d characters", maxTitle)
	}
}

// step reads a step's block.
func (c *reading) step(s section, b *stepBlock, lang string) Step {
	c.title(s)
	step := Step{
		ID: b.ID, Kind: b.Kind, Title: Words{lang: s.title}, Text: words(lang, s.text), Owner: strings.TrimSpace(b.Owner),
		Needs: slices.Clone(b.Needs), When: b.When, Scenario: b.Scenario, Message: b.Step, Choices: b.Choices, line: s.line + 1,
	}
	bad := func(key, format string, args ...any) { c.bad(s.block, key, format, args...) }
	if err := match.ParseID(b.ID); err != nil {
		bad("id", "%v", err)
		step.ID = ""
	}
	if utf8.RuneCountInString(step.Owner) > maxName {
		bad("owner", "is longer than %d characters", maxName)
	}
	if b.Due != "" {
		due, err := ParseDue(b.Due)
		if err != nil {
			bad("due", "%v", err)
		}
		step.Due = due
	}
	if e := b.Evidence; e != nil && e.must {
		if e.ask.In("") == "" {
			bad("evidence", "is empty: write what is asked for, or true")
		}
		c.words(s.block, "evidence", e.ask, maxAsk, false)
		step.Evidence = inLanguage(e.ask, lang)
	}
	switch b.Kind {
	case Manual:
	case Automatic:
		if (b.HTTP == nil) == (b.Signal == nil) {
			bad("kind", "an automatic step has either http or signal")
		}
	case Message:
		if b.Scenario == "" {
			bad("scenario", "is missing: the id of the scenario whose message is sent")
		}
		if b.Step == "" {
			bad("step", "is missing: initial, update, identified, resolved, correction or cancel")
		}
	case Decision:
		if len(b.Choices) < 2 || len(b.Choices) > MaxChoices {
			bad("choices", "a decision has 2 to %d choices", MaxChoices)
		}
	case "":
		bad("kind", "is missing: manual, automatic, message or decision")
	default:
		bad("kind", "%.40q is none of manual, automatic, message, decision", b.Kind)
	}
	for key, wrong := range map[string]bool{
		"http": b.HTTP != nil && b.Kind != Automatic, "signal": b.Signal != nil && b.Kind != Automatic,
		"scenario": b.Scenario != "" && b.Kind != Message, "step": b.Step != "" && b.Kind != Message,
		"choices": len(b.Choices) > 0 && b.Kind != Decision,
	} {
		if wrong {
			bad(key, "is not for a step of the kind %q", b.Kind)
		}
	}
	seen := map[string]bool{}
	for i, choice := range b.Choices {
		step.Choices[i].Label = inLanguage(choice.Label, lang)
		if err := match.ParseID(choice.ID); err != nil {
			bad("choices", "%v", err)
		} else if seen[choice.ID] {
			bad("choices", "%q is there twice", choice.ID)
		}
		seen[choice.ID] = true
		c.words(s.block, "choices", choice.Label, maxTitle, true)
	}
	if b.HTTP != nil {
		step.Call = c.http(s.block, b.HTTP)
	}
	if b.Signal != nil {
		step.Signal = c.signal(s.block, b.Signal)
	}
	return step
}

// maxWait bounds how long a call may wait for its answer.
const (
	maxWait   = 60 * time.Second
	usualWait = 15 * time.Second
)

func (c *reading) http(b block, h *httpBlock) *HTTP {
	bad := func(key, format string, args ...any) { c.bad(b, key, format, args...) }
	call := &HTTP{
		Method: cmp.Or(strings.ToUpper(h.Method), http.MethodPost), URL: h.URL, DrillURL: h.DrillURL, Headers: h.Headers,
		Body: h.Body, Status: h.Expect.Status, Contains: h.Expect.Contains, Wait: cmp.Or(h.Wait.Duration, usualWait), ByHand: h.ByHand,
	}
	if !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, call.Method) {
		bad("http.method", "%.20q is none of GET, POST, PUT, PATCH, DELETE", h.Method)
	}
	if h.URL == "" {
		bad("http.url", "is missing")
	}
	if len(h.Body) > maxBody {
		bad("http.body", "is longer than %d bytes", maxBody)
	}
	if len(h.Headers) > maxHeaders {
		bad("http.headers", "are more than %d", maxHeaders)
	}
	for _, name := range slices.Sorted(keys(h.Headers)) {
		if strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || name == "" || len(name) > 60 {
			bad("http.headers", "%.40q is no header's name", name)
		}
		switch http.CanonicalHeaderKey(name) {
		case "Authorization", "Cookie", "Proxy-Authorization", "Host", "Content-Length", "Transfer-Encoding", "Connection":
			bad("http.headers", "%s does not stand in a runbook: what signs a call in is in vigie.yaml, with the addresses that runbooks may call", name)
		}
		if len(h.Headers[name]) > 1000 || strings.ContainsFunc(h.Headers[name], func(r rune) bool { return r < ' ' || r > '~' }) {
			bad("http.headers", "%s has characters that no header can have", name)
		}
	}
	for _, status := range h.Expect.Status {
		if status < 100 || status > 599 {
			bad("http.expect", "%d is no status", status)
		}
	}
	if len(h.Expect.Status) > 20 || len(h.Expect.Contains) > 200 {
		bad("http.expect", "is too long")
	}
	switch {
	case h.Wait.bad != "":
		bad("http.wait", "%.40q is no duration: write 20s", h.Wait.bad)
	case h.Wait.Duration > maxWait:
		bad("http.wait", "is longer than %s", maxWait)
	}
	return call
}

func (c *reading) signal(b block, s *signalBlock) *Signal {
	bad := func(key, format string, args ...any) { c.bad(b, key, format, args...) }
	if s.Name == "" {
		bad("signal.name", "is missing")
	}
	if (s.Above == nil) == (s.Below == nil) {
		bad("signal", "has either above or below")
	}
	switch {
	case s.For.bad != "":
		bad("signal.for", "%.40q is no duration: write 60s", s.For.bad)
	case s.For.Duration > maxHold:
		bad("signal.for", "is longer than %s", maxHold)
	}
	return &Signal{Name: s.Name, Where: s.Where, Above: s.Above, Below: s.Below, For: s.For.Duration}
}
