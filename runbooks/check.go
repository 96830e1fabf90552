package runbooks

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"vigie/internal/provider"
)

// Known is what runbooks may speak of. What is nil is not checked.
type Known struct {
	Roles     []string            // of the match's roster
	People    []string            // names that may own a step too
	Labels    []string            // that alerts have
	Rules     []string            // ids of alerts' rules
	Scenarios map[string][]string // of messages, with the steps that each has
	Signals   map[string][]string // of the board, with the labels that each may be divided by
	Allow     []Allow             // addresses that may be called; nil: none
}

// Check says what is wrong with runbooks beside each other and what else is configured, each a Problem with its place.
func Check(all []*Runbook, known Known) error {
	var errs []error
	ids := map[string]bool{}
	for _, rb := range all {
		ids[rb.ID] = true
	}
	seen := map[string]bool{}
	for _, rb := range all {
		c := &lint{rb: rb, known: &known, ids: ids, reading: reading{f: rb.files[rb.Languages[0]]}}
		if c.f == nil { // it was not read from a file
			continue
		}
		if seen[rb.ID] {
			c.bad(block{}, "", "there is another runbook %q", rb.ID)
		}
		seen[rb.ID] = true
		c.all()
		errs = append(errs, c.errs...)
	}
	return errors.Join(errs...)
}

// lint collects what is wrong with a runbook.
type lint struct {
	reading
	rb    *Runbook
	known *Known
	ids   map[string]bool
}

func (c *lint) all() {
	rb := c.rb
	c.owner(c.f.front, rb.Owner)
	for _, w := range rb.When {
		for _, rule := range w.Rules {
			if c.known.Rules != nil && !slices.Contains(c.known.Rules, rule) {
				c.bad(c.f.front, "rules", "there is no rule %q", rule)
			}
		}
		for _, label := range slices.Sorted(keys(w.Labels)) {
			c.label(c.f.front, label, label)
		}
	}
	c.texts(c.f.front, "", rb.Intro)
	for i := range rb.Steps {
		c.step(&rb.Steps[i])
	}
	c.cycles()
	c.conditions()
}

func (c *lint) block(s *Step) block { return c.f.steps[s.ID] }

func (c *lint) owner(b block, owner string) {
	if owner == "" || c.known.Roles == nil || slices.Contains(c.known.Roles, owner) || slices.Contains(c.known.People, owner) {
		return
	}
	c.bad(b, "owner", "nobody holds the role %q tonight: the roster has %s", owner, list(c.known.Roles))
}

func (c *lint) label(b block, key, name string) {
	if c.known.Labels != nil && !slices.Contains(c.known.Labels, name) {
		c.bad(b, key, "there is no label %q: alerts have %s", name, list(c.known.Labels))
	}
}

// holes checks the variables of a text.
func (c *lint) holes(b block, key, text string) {
	for _, name := range holes(text) {
		if c.known.Labels != nil && !slices.Contains(ownVariables, name) && !slices.Contains(c.known.Labels, name) {
			c.bad(b, key, "there is no variable {%s}: there are %s, and labels: %s", name, list(ownVariables), list(c.known.Labels))
		}
	}
}

// texts checks Markdown in each language: variables and links.
func (c *lint) texts(b block, id string, w Words) {
	for _, lang := range c.rb.Languages {
		f, text := c.rb.files[lang], w[lang]
		if f == nil || text == "" {
			continue
		}
		in := &lint{reading: reading{f: f}, rb: c.rb, known: c.known, ids: c.ids}
		place := f.front
		if id != "" {
			place = f.steps[id]
			place.from, place.to = place.to, len(f.lines) // the text is behind its block
		} else {
			place.from, place.to = place.to, len(f.lines)
		}
		for _, name := range holes(text) {
			where := in.line(place, "{"+name+"}")
			in.holes(where, "", "{"+name+"}")
		}
		for _, to := range linksOf(text) {
			where := in.line(place, to)
			if other, ok := runbookLink(to); ok {
				if !c.ids[other] {
					in.bad(where, "", "the link %.80q leads to no runbook", to)
				}
			} else if !allowedLink(to) {
				in.bad(where, "", "the link %.80q is neither an address of the web nor another runbook's file", to)
			}
		}
		c.errs = append(c.errs, in.errs...)
	}
}

// line is the line of a block in which a text stands; the block when it does not.
func (c *lint) line(b block, text string) block {
	for i := b.from; i < b.to; i++ {
		if strings.Contains(c.f.lines[i], text) {
			return block{i, i + 1}
		}
	}
	return b
}

func (c *lint) step(s *Step) {
	b := c.block(s)
	c.owner(b, s.Owner)
	for _, w := range []Words{s.Title, s.Evidence} {
		for _, lang := range slices.Sorted(keys(w)) {
			c.holes(b, "", w[lang])
		}
	}
	for _, choice := range s.Choices {
		for _, lang := range slices.Sorted(keys(choice.Label)) {
			c.holes(b, "choices", choice.Label[lang])
		}
	}
	c.texts(b, s.ID, s.Text)
	for _, id := range s.Needs {
		if c.rb.Step(id) == nil {
			c.bad(b, "needs", "there is no step %q", id)
		}
	}
	for _, id := range slices.Sorted(keys(s.When)) {
		d := c.rb.Step(id)
		switch {
		case d == nil || d.Kind != Decision:
			c.bad(b, "when", "there is no decision %q", id)
		case len(s.When[id]) == 0:
			c.bad(b, "when", "no choice of %q makes it apply", id)
		default:
			for _, choice := range s.When[id] {
				if d.Choice(choice) == nil {
					c.bad(b, "when", "the decision %q has no choice %q", id, choice)
				}
			}
		}
	}
	if s.Kind == Message && c.known.Scenarios != nil && s.Scenario != "" {
		steps, ok := c.known.Scenarios[s.Scenario]
		switch {
		case !ok:
			p := c.f.problem(b, "scenario", "no file of messages is the scenario %q: until it is written in the pages, nothing can be said in this step", s.Scenario)
			p.Elsewhere = true
			c.errs = append(c.errs, p)
		case !slices.Contains(steps, s.Message):
			c.bad(b, "step", "the scenario %q has no message %q", s.Scenario, s.Message)
		}
	}
	if s.Signal != nil {
		c.signal(b, s.Signal)
	}
	if s.Call != nil {
		c.call(b, s.Call)
	}
}

func (c *lint) signal(b block, s *Signal) {
	by, ok := c.known.Signals[s.Name]
	if c.known.Signals != nil && !ok {
		c.bad(b, "signal.name", "there is no signal %q", s.Name)
		return
	}
	for _, name := range slices.Sorted(keys(s.Where)) {
		if c.known.Signals != nil && !slices.Contains(by, name) {
			c.bad(b, "signal.where", "%q cannot be divided by %q: by %s", s.Name, name, list(by))
		}
		c.holes(b, "signal.where", s.Where[name])
	}
}

func (c *lint) call(b block, h *HTTP) {
	for key, address := range map[string]string{"http.url": h.URL, "http.drill_url": h.DrillURL} {
		if address == "" {
			continue
		}
		c.holes(b, key, address)
		if err := checkAddress(address, c.known.Allow); err != nil {
			c.bad(b, key, "%v", err)
		}
	}
	c.holes(b, "http.body", h.Body)
	for _, name := range slices.Sorted(keys(h.Headers)) {
		c.holes(b, "http.headers", h.Headers[name])
	}
}

// checkAddress checks an address as a runbook writes it, with its holes.
func checkAddress(address string, allow []Allow) error {
	host := address
	if _, rest, ok := strings.Cut(address, "://"); ok {
		host, _, _ = strings.Cut(rest, "/")
	}
	if len(holes(host)) > 0 {
		return errors.New("a variable stands for a part of a path or a query, never for where the call goes")
	}
	sample := hole.ReplaceAllString(address, "x")
	if err := provider.CheckURL("url", sample, true); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "url: "))
	}
	if _, ok := allowed(sample, allow); !ok {
		return fmt.Errorf("%.120q is not among the addresses that runbooks may call: add it to vigie.yaml", address)
	}
	return nil
}

// cycles finds steps that wait for each other.
func (c *lint) cycles() {
	const (
		open = iota + 1
		closed
	)
	state := map[string]int{}
	var path []string
	var visit func(s *Step)
	visit = func(s *Step) {
		switch state[s.ID] {
		case closed:
			return
		case open:
			i := slices.Index(path, s.ID)
			c.bad(c.block(s), "needs", "can never be reached: it waits for itself (%s)", strings.Join(append(slices.Clone(path[i:]), s.ID), " → "))
			return
		}
		state[s.ID] = open
		path = append(path, s.ID)
		for _, id := range slices.Concat(s.Needs, slices.Sorted(keys(s.When))) {
			if n := c.rb.Step(id); n != nil {
				visit(n)
			}
		}
		path = path[:len(path)-1]
		state[s.ID] = closed
	}
	for i := range c.rb.Steps {
		visit(&c.rb.Steps[i])
	}
}

// conditions finds steps whose conditions, and those of the decisions that they depend on, cannot hold together.
func (c *lint) conditions() {
	for i := range c.rb.Steps {
		s := &c.rb.Steps[i]
		left := map[string]Values{} // choices by decision
		seen := map[string]bool{}
		var add func(s *Step)
		add = func(s *Step) {
			if seen[s.ID] {
				return
			}
			seen[s.ID] = true
			for id, choices := range s.When {
				if before, ok := left[id]; ok {
					choices = slices.DeleteFunc(slices.Clone(choices), func(v string) bool { return !slices.Contains(before, v) })
				}
				left[id] = choices
				if d := c.rb.Step(id); d != nil {
					add(d)
				}
			}
		}
		add(s)
		for _, id := range slices.Sorted(keys(left)) {
			if own, is := s.When[id]; len(left[id]) == 0 && (!is || len(own) > 0) { // an empty one is told already
				c.bad(c.block(s), "when", "can never be reached: its conditions on %q contradict each other", id)
			}
		}
	}
}

// list is names for people.
func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// Allow is an address that runbooks may call, and what lies below it.
type Allow struct {
	URL     string            // https://host/path; what is called begins with it, at a / of its path
	Headers map[string]string // that sign a call in: secrets, which no runbook has
}

// allowed is the entry below which an address lies; of several the longest.
func allowed(address string, allow []Allow) (best Allow, ok bool) {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Opaque != "" {
		return Allow{}, false
	}
	for part := range strings.SplitSeq(u.EscapedPath(), "/") {
		plain, err := url.PathUnescape(part)
		if err != nil {
			return Allow{}, false
		}
		for name := range strings.FieldsFuncSeq(plain, func(r rune) bool { return r == '/' || r == '\\' }) {
			if name == "." || name == ".." { // which would lead out again
				return Allow{}, false
			}
		}
	}
	for _, a := range allow {
		p, err := url.Parse(a.URL)
		if err != nil || p.Scheme != u.Scheme || !strings.EqualFold(p.Host, u.Host) {
			continue
		}
		base := strings.TrimSuffix(p.EscapedPath(), "/")
		if path := u.EscapedPath(); path != base && !strings.HasPrefix(path, base+"/") {
			continue
		}
		if !ok || len(a.URL) > len(best.URL) {
			best, ok = a, true
		}
	}
	return best, ok
}

// CheckAllow says what is wrong with the addresses that runbooks may call; it repeats no secret.
func CheckAllow(allow []Allow) error {
	var errs []error
	for i, a := range allow {
		key := fmt.Sprintf("[%d].url", i)
		if err := provider.CheckURL(key, a.URL, len(a.Headers) == 0); err != nil {
			errs = append(errs, err)
		}
		if err := provider.CheckHeaders(fmt.Sprintf("[%d].headers", i), a.Headers); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
