package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"vigie/alerts/signal"
	"vigie/internal/match"
	"vigie/runbooks"
	"vigie/runbooks/house"
	"vigie/runbooks/message"
)

const (
	usualMessages   = "messages" // folder beside vigie.yaml
	usualRunbooks   = "runbooks"
	houseFile       = "house.yaml"
	scenariosFolder = "scenarios"
	maxScenarios    = 200
	maxRunbookFiles = 400
)

// messageFiles is what became of the files in Messages.Folder and Runbooks.Folder.
type messageFiles struct {
	unread []error
	at     map[string]func(string) string // by the id of a scenario, "" of the house: file, line and column of a key
	secret func(env, file string) (string, error)
}

// readMessages reads what is said to viewers, through what, and what is done. What is wrong is kept for check to
// tell, so that all of it is told.
func (c *Config) readMessages(getenv func(string) (string, bool)) {
	m := &c.Messages
	m.files = messageFiles{at: map[string]func(string) string{}, secret: secretsBeside(m.Folder, getenv)}
	if m.Folder != "" {
		m.readFrom(os.DirFS(m.Folder), m.Folder)
	}
	if c.Runbooks.Folder != "" {
		c.Runbooks.readFrom(os.DirFS(c.Runbooks.Folder), c.Runbooks.Folder)
	}
}

// secretsBeside reads what a file of a folder only names.
func secretsBeside(folder string, getenv func(string) (string, bool)) func(env, file string) (string, error) {
	return func(env, file string) (string, error) {
		if env != "" {
			if value, ok := getenv(env); ok {
				return value, nil
			}
			return "", fmt.Errorf("the environment variable %s is not set", env)
		}
		if !filepath.IsAbs(file) {
			file = filepath.Join(folder, file)
		}
		text, err := os.ReadFile(file)
		return string(text), err
	}
}

// readFrom reads what a folder holds; name is what it is called in errors.
func (m *MessagesConfig) readFrom(folder fs.FS, name string) {
	bad := func(format string, args ...any) { m.files.unread = append(m.files.unread, fmt.Errorf(format, args...)) }
	if text, err := fs.ReadFile(folder, houseFile); err == nil {
		at := filepath.Join(name, houseFile)
		h, where, err := readText[house.House](at, text)
		if err != nil {
			bad("messages %s:\n%w", at, err)
		} else {
			m.House, m.files.at[""] = h, where
			for _, logo := range []*string{&h.Status.Logo, &h.Status.LogoDark, &h.Status.Export.Folder} {
				if *logo != "" && !filepath.IsAbs(*logo) {
					*logo = filepath.Join(name, *logo)
				}
			}
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		bad("messages.folder: %w", err)
	}
	entries, err := fs.ReadDir(folder, scenariosFolder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		bad("messages.folder: %w", err)
	}
	for _, e := range entries {
		file := filepath.Join(name, scenariosFolder, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), ".") || e.IsDir():
		case filepath.Ext(e.Name()) == ".yml":
			bad("messages: %s: would not be read: call it %s", file, strings.TrimSuffix(e.Name(), ".yml")+matchEnding)
		case filepath.Ext(e.Name()) != matchEnding:
		case len(m.Scenarios) == maxScenarios:
			bad("messages: %s has more than %d files", filepath.Join(name, scenariosFolder), maxScenarios)
			return
		default:
			text, err := fs.ReadFile(folder, scenariosFolder+"/"+e.Name())
			if err != nil {
				bad("messages %s: %w", file, err)
				continue
			}
			s, where, err := readScenario(file, text)
			if err != nil {
				bad("%w", err)
				continue
			}
			m.Scenarios = append(m.Scenarios, s)
			m.files.at[s.ID] = where
		}
	}
}

// readScenario reads one file of messages; its name is the scenario's id.
func readScenario(file string, text []byte) (*message.Scenario, func(string) string, error) {
	s, where, err := readText[message.Scenario](file, text)
	if err != nil {
		return nil, nil, fmt.Errorf("messages %s:\n%w", file, err)
	}
	s.ID = strings.TrimSuffix(filepath.Base(file), matchEnding)
	return s, where, nil
}

// parseScenario is readScenario of what somebody gives to the pages.
func parseScenario(name string, text []byte) (*message.Scenario, error) {
	s, _, err := readScenario(name, text)
	return s, err
}

// writeScenario is a scenario as its file says it.
func writeScenario(s *message.Scenario) ([]byte, error) {
	return yaml.MarshalWithOptions(s, yaml.UseLiteralStyleIfMultiline(true))
}

// readFrom reads a folder of runbooks; name is what it is called in errors.
func (r *RunbooksConfig) readFrom(folder fs.FS, name string) {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.unread = append(r.unread, fmt.Errorf("runbooks.folder: %w", err))
	}
	files := map[string][]byte{}
	r.dir = name
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || e.IsDir() || filepath.Ext(e.Name()) != ".md" || strings.EqualFold(e.Name(), "README.md") {
			continue
		}
		if len(files) == maxRunbookFiles {
			r.unread = append(r.unread, fmt.Errorf("runbooks: %s has more than %d files", name, maxRunbookFiles))
			break
		}
		text, err := fs.ReadFile(folder, e.Name())
		if err == nil && len(text) > maxFile {
			err = fmt.Errorf("is larger than %d bytes", maxFile)
		}
		if err != nil {
			r.unread = append(r.unread, fmt.Errorf("runbooks: %s: %w", filepath.Join(name, e.Name()), err))
			continue
		}
		files[e.Name()] = text
	}
	all, err := runbooks.Read(files, decodeYAML)
	r.All = all
	for _, err := range joined(err) {
		r.unread = append(r.unread, fmt.Errorf("runbooks %s%c%w", name, filepath.Separator, err))
	}
}

// decodeYAML reads YAML strictly, for who has it inside of something else.
func decodeYAML(text []byte, into any) error {
	if err := plain(string(text)); err != nil {
		return err
	}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// checkMessages says what is wrong with messages, accounts and runbooks, on their own and beside what else is
// configured.
func (c *Config) checkMessages() []error {
	m := &c.Messages
	errs := slices.Concat(m.files.unread, c.Runbooks.unread)
	tell := func(id, what string, err error) { errs = append(errs, placed(m.files.at[id], what, err)...) }
	limits := message.Limits{}
	if h := m.House; h != nil {
		err := h.Check()
		if err == nil && m.files.secret != nil {
			err = h.Fill(m.files.secret)
		}
		tell("", "messages", err)
		limits = h.Limits()
		if err == nil {
			if _, err := outlets(h, nil, nil, ""); err != nil {
				tell("", "messages", err)
			}
		}
	}
	for _, s := range m.Scenarios {
		tell(s.ID, "messages "+s.ID, s.Check())
		for _, step := range message.Steps() {
			for _, f := range s.Lint(step, limits) {
				if f.Level == message.Wrong {
					tell(s.ID, "messages "+s.ID, &match.Problem{Key: fmt.Sprintf("messages.%s.%s.%s", step, f.Kind, f.Lang), Text: f.Text})
				}
			}
		}
	}
	wrong, _ := c.checkRunbooks()
	return append(errs, wrong...)
}

// checkRunbooks says what is wrong with runbooks, and what only may be: a scenario may be written in the pages, too.
func (c *Config) checkRunbooks() (wrong, perhaps []error) {
	for _, err := range joined(runbooks.Check(c.Runbooks.All, c.knownToRunbooks())) {
		err := fmt.Errorf("runbooks %s%c%w", c.Runbooks.dir, filepath.Separator, err)
		if p, ok := errors.AsType[*runbooks.Problem](err); ok && p.Elsewhere {
			perhaps = append(perhaps, err)
		} else {
			wrong = append(wrong, err)
		}
	}
	return wrong, perhaps
}

// knownToRunbooks is what runbooks may name.
func (c *Config) knownToRunbooks() runbooks.Known {
	known := runbooks.Known{Scenarios: map[string][]string{}, Signals: map[string][]string{}, Allow: c.allowed()}
	for _, m := range c.Calendar {
		for _, d := range m.Roster {
			known.Roles, known.People = append(known.Roles, d.Role), append(known.People, d.Name)
		}
	}
	labels := map[string]bool{}
	for _, s := range signal.All() {
		known.Signals[s.Name] = s.By
		for _, by := range s.By {
			labels[by] = true
		}
	}
	for _, g := range c.Alerts.Rules {
		if g.Together != nil {
			known.Rules = append(known.Rules, g.Together.ID)
		}
		for i := range g.Rules {
			known.Rules = append(known.Rules, g.Rules[i].ID)
			for name := range g.Rules[i].Labels {
				labels[name] = true
			}
		}
	}
	for l := range labels {
		known.Labels = append(known.Labels, l)
	}
	for _, s := range c.Messages.Scenarios {
		for step := range s.Messages {
			known.Scenarios[s.ID] = append(known.Scenarios[s.ID], string(step))
		}
	}
	return known
}

// allowed is what runbooks may call.
func (c *Config) allowed() (out []runbooks.Allow) {
	if h := c.Messages.House; h != nil {
		for _, l := range h.Runbooks.Calls {
			a := runbooks.Allow{URL: l.URL}
			if l.Header != "" {
				a.Headers = map[string]string{l.Header: l.Secret}
			}
			out = append(out, a)
		}
	}
	return out
}
