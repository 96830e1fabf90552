package web

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"vigie/cockpit"
	"vigie/internal/match"
)

func TestLanguagesHaveTheSameTexts(t *testing.T) {
	all, err := loadLocales()
	if err != nil {
		t.Fatal(err)
	}
	slot := regexp.MustCompile(`\{\w+\}`)
	for _, l := range all[1:] {
		for key, text := range all[0].texts {
			other, ok := l.texts[key]
			if !ok {
				t.Errorf("%s has no %q", l.Code, key)
			}
			for _, name := range slot.FindAllString(text, -1) {
				if !strings.Contains(other, name) {
					t.Errorf("%s %q does not use %s", l.Code, key, name)
				}
			}
		}
		for key := range l.texts {
			if _, ok := all[0].texts[key]; !ok {
				t.Errorf("%s has %q, which %s has not", l.Code, key, all[0].Code)
			}
		}
	}
}

// Keys are used literally, or by a family whose names come from elsewhere.
func TestTextsAreUsedAndUsedTextsExist(t *testing.T) {
	families := []string{"matches.bad.", "matches.month.", "matches.weekday.", "audit.what.", "audit.outcome.", "bad.", "role.", "profile.language.", "profile.theme.", "people.said.", "tokens.kind.", "finding.", "field.", "error.", "phase.", "health.", "matrix.definition.", "metric.", "definition.", "services.count."}
	for _, name := range []string{"viewers", "traffic", "errors", "startup", "rebuffering"} {
		families = append(families, name+".label", name+".short", name+".definition")
	}
	for _, name := range []string{"flow", "failing", "classes", "pressure", "capacity", "matrix", "tools", "sources", "services", "mesh", "breakdown"} {
		families = append(families, name+".title", name+".definition")
	}
	families = append(families, "chart.line.", "js.line.", "scope.", "by.", "classes.", "pressure.accepted", "pressure.blocked", "matrix.wall.", "concern.errors", "concern.saturation", "worst.holds", "worst.breaks", "panel.untold.")
	for _, name := range []string{"trail", "what", "said", "reason", "kind", "mute", "state", "status", "severity", "signal", "word", "dimension", "family", "mode", "channel", "trouble", "why", "bad", "explain", "nobody", "during", "group"} {
		families = append(families, "alerts."+name+".")
	}
	families = append(families, "crises.bad.", "crises.said.", "crises.step.", "crises.send.state.", "crises.kind.", "crisis.what.", "runbooks.status.", "runbooks.kind.", "runbooks.end.", "runbooks.why.",
		"runbooks.drill", "runbooks.evidence", "runbooks.late", "runbooks.reason", "runs.end.", "runs.call.", "support.words.", "support.kind.", "support.hit.", "support.outcome.", "support.never.")
	for _, page := range []string{"list", "one", "runbooks", "runbook", "run", "support"} {
		families = append(families, "crises."+page+".title", "crises."+page+".intro")
	}
	for _, page := range []string{"incidents", "incident", "log", "silences", "oncall", "rules", "channels"} {
		families = append(families, "alerts."+page+".title", "alerts."+page+".intro", "alerts."+page+".nav")
	}
	families = append(families, "library.why.", "library.act.", "library.state.", "library.missing.", "lint.", "step.", "channel.kind.")
	for _, name := range []string{"said", "reason", "place", "unit", "type", "live", "fact", "head", "variable", "see", "language"} {
		families = append(families, "messages."+name+".")
	}
	for _, name := range []string{"state", "act", "finding", "outcome", "outcome1", "reason", "same", "not", "next", "left", "fact", "plan", "paused", "stage"} {
		families = append(families, "send."+name+".")
	}
	families = append(families, "sends.new.expected.")
	for _, page := range []string{"list", "new", "one", "lines"} {
		families = append(families, "sends."+page+".title", "sends."+page+".intro")
	}
	for _, page := range []string{"contacts", "segments", "never", "hits", "imported"} {
		families = append(families, "audience."+page+".title", "audience."+page+".intro", "audience."+page+".nav")
	}
	families = append(families, "audience.said.", "audience.bad.", "audience.never.")
	all, err := loadLocales()
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	err = filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && (entry.Name() == "static" || entry.Name() == "locales") {
			return filepath.SkipDir
		}
		if ext := filepath.Ext(path); ext != ".go" && ext != ".templ" && ext != ".ts" || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "_templ.go") {
			return nil
		}
		content, err := os.ReadFile(path)
		source.Write(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text := source.String()
	for key := range all[0].texts {
		used := strings.Contains(text, `"`+strings.TrimPrefix(key, "js.")+`"`) || strings.Contains(text, `plural("`+strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".many")+`"`)
		for _, family := range families {
			used = used || strings.HasPrefix(key, family)
		}
		if !used {
			t.Errorf("%q is used nowhere", key)
		}
	}
	for _, call := range regexp.MustCompile(`\.T\("([\w.]+)"[,)]`).FindAllStringSubmatch(text, -1) {
		if _, ok := all[0].texts[call[1]]; !ok {
			t.Errorf("%q is used and has no text", call[1])
		}
	}
	for _, call := range regexp.MustCompile(`\.plural\("([\w.]+)"`).FindAllStringSubmatch(text, -1) {
		for _, form := range []string{".one", ".many"} {
			if _, ok := all[0].texts[call[1]+form]; !ok {
				t.Errorf("%q is used and has no text", call[1]+form)
			}
		}
	}
	for _, p := range []match.Phase{
		match.PhaseBefore, match.PhaseFirstHalf, match.PhaseHalfTime, match.PhaseSecondHalf, match.PhaseBreak,
		match.PhaseExtraFirst, match.PhaseExtraLast, match.PhasePenalties, match.PhaseAfter,
	} {
		if _, ok := all[0].texts["phase."+string(p)]; !ok {
			t.Errorf("phase %q has no name", p)
		}
	}
	for _, m := range cockpit.Metrics() {
		for _, family := range []string{"metric.", "metric.short.", "matrix.definition.", "matrix.wall."} {
			if _, ok := all[0].texts[family+m.String()]; !ok {
				t.Errorf("metric %q has no %s", m, family)
			}
		}
	}
}
