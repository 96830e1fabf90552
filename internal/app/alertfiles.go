package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"vigie/alerts/route"
	"vigie/alerts/rule"
	"vigie/internal/match"
)

const (
	usualAlerts = "alerts" // folder beside vigie.yaml
	routingFile = "routing.yaml"
	rulesFolder = "rules"
	maxGroups   = 200
)

// alertFiles is what became of the files in AlertsConfig.Folder.
type alertFiles struct {
	unread []error
	at     map[string]func(string) string // by the id of a group of rules, "" of the routing: file, line and column of a key
	secret func(env, file string) (string, error)
}

// readAlerts reads the rules and whom they are told to. What is wrong is kept for check to tell, so that all of
// it is told.
func (c *Config) readAlerts(getenv func(string) (string, bool)) {
	a := &c.Alerts
	a.files = alertFiles{at: map[string]func(string) string{}, secret: secretsBeside(a.Folder, getenv)}
	if a.Folder != "" {
		a.readFrom(os.DirFS(a.Folder), a.Folder)
	}
}

// readFrom reads what a folder holds; name is what it is called in errors.
func (a *AlertsConfig) readFrom(folder fs.FS, name string) {
	bad := func(format string, args ...any) { a.files.unread = append(a.files.unread, fmt.Errorf(format, args...)) }
	if text, err := fs.ReadFile(folder, routingFile); err == nil {
		at := filepath.Join(name, routingFile)
		policy, where, err := readText[route.Policy](at, text)
		if err != nil {
			bad("routing %s:\n%w", at, err)
		} else {
			a.Policy, a.files.at[""] = policy, where
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		bad("alerts.folder: %w", err)
	}
	if rules, err := fs.Sub(folder, rulesFolder); err == nil {
		a.readRules(rules, filepath.Join(name, rulesFolder))
	}
}

// readRules reads a folder of rules; name is what it is called in errors.
func (a *AlertsConfig) readRules(folder fs.FS, name string) {
	bad := func(format string, args ...any) { a.files.unread = append(a.files.unread, fmt.Errorf(format, args...)) }
	entries, err := fs.ReadDir(folder, ".")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		bad("alerts.folder: %w", err)
	}
	for _, e := range entries {
		file := filepath.Join(name, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), ".") || e.IsDir():
		case filepath.Ext(e.Name()) == ".yml":
			bad("rules: %s: would not be read: call it %s", file, strings.TrimSuffix(e.Name(), ".yml")+matchEnding)
		case filepath.Ext(e.Name()) != matchEnding:
		case len(a.Rules) == maxGroups:
			bad("rules: %s has more than %d files", name, maxGroups)
			return
		default:
			text, err := fs.ReadFile(folder, e.Name())
			if err != nil {
				bad("rules %s: %w", file, err)
				continue
			}
			g, where, err := readText[rule.Group](file, text)
			if err != nil {
				bad("rules %s:\n%w", file, err)
				continue
			}
			g.ID = strings.TrimSuffix(e.Name(), matchEnding)
			a.Rules = append(a.Rules, g)
			a.files.at[g.ID] = where
		}
	}
}

// checkAlerts says what is wrong with the rules and the routing, on their own and beside what else is
// configured: each with its file and line where it has one.
func (c *Config) checkAlerts() []error {
	a := &c.Alerts
	errs := slices.Clone(a.files.unread)
	tell := func(id, what string, err error) { errs = append(errs, placed(a.files.at[id], what, err)...) }
	var cdns []string
	for _, cdn := range c.CDNs {
		cdns = append(cdns, cdn.ID)
	}
	for _, g := range a.Rules {
		tell(g.ID, "rules "+g.ID, g.Check())
	}
	for id, err := range rule.CheckAll(a.Rules, cdns) {
		tell(id, "rules "+id, err)
	}
	if a.Policy != nil {
		err := a.Policy.Check()
		if err == nil && a.files.secret != nil {
			err = a.Policy.FillSecrets(a.files.secret)
		}
		tell("", "routing", err)
		if err == nil {
			if _, err := channels(a.Policy); err != nil {
				tell("", "routing", err)
			}
		}
	}
	seen := map[string]bool{}
	for i, s := range a.Receive {
		switch {
		case match.ParseID(s.ID) != nil:
			errs = append(errs, fmt.Errorf("alerts.receive[%d].id: %.60q is not 1 to 64 of a-z, 0-9 and -", i, s.ID))
		case seen[s.ID]:
			errs = append(errs, fmt.Errorf("alerts.receive[%d].id: %q is there twice", i, s.ID))
		case len(s.Token) < 16:
			errs = append(errs, fmt.Errorf("alerts.receive[%d]: %q needs token_file or token_env, and a token of 16 characters or more", i, s.ID))
		}
		seen[s.ID] = true
	}
	return errs
}

// CheckRules runs the tests that are in the files of rules. Each error names the file, the test and what it
// expected.
func (c *Config) CheckRules() (tests int, err error) {
	var errs []error
	for _, g := range c.Alerts.Rules {
		tests += len(g.Tests)
		for _, err := range g.RunTests() {
			errs = append(errs, fmt.Errorf("rules %s: %w", g.ID, err))
		}
	}
	return tests, errors.Join(errs...)
}

// alertWarnings is the part of Warnings that is about whom alerts are told.
func (c *Config) alertWarnings() (out []string) {
	if c.Alerts.Policy == nil {
		if len(c.Alerts.Rules) > 0 {
			out = append(out, "alerts: there are rules and no "+routingFile+": nobody is told")
		}
		return out
	}
	for _, w := range c.Alerts.Policy.Warnings() {
		where := "routing"
		if at := c.Alerts.files.at[""]; at != nil {
			where = at(w.Key)
		}
		out = append(out, where+" "+w.Error())
	}
	return out
}
