package route

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"vigie/alerts/notice"
)

const exampleFile = "../../docs/example/alerts/routing.yaml"

func read(t testing.TB, text string) *Policy {
	t.Helper()
	p := &Policy{}
	if err := yaml.UnmarshalWithOptions([]byte(text), p, yaml.Strict()); err != nil {
		t.Fatal(yaml.FormatError(err, false, true))
	}
	return p
}

func example(t testing.TB) *Policy {
	t.Helper()
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	p := read(t, string(text))
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheExampleIsWithoutFaultsAndWithoutSurprises(t *testing.T) {
	p := example(t)
	for _, w := range p.Warnings() {
		t.Error(w)
	}
	if err := p.Check(); err != nil {
		t.Error("checked again: ", err)
	}
}

// What the example does is what docs/alert-routing.md says that it does.
func TestTheExampleTellsWhomTheGuideSays(t *testing.T) {
	p := example(t)
	at := time.Date(2026, 11, 22, 20, 30, 0, 0, time.UTC) // 21:30 on a Sunday: the third week of the rotation is Marie's
	critical := Subject{Group: "cdn", Rule: "cdn-errors", Severity: notice.Critical, Match: "finale-2026", Criticality: 4, During: true}
	plan := p.Plan(critical, at)
	if want := []string{"routes[0]", "routes[1] › routes[0]"}; !slices.Equal(plan.Routes, want) || plan.Wait != 0 || plan.Remind != 10*time.Minute || !plan.Resolved {
		t.Errorf("%+v", plan)
	}
	first := plan.Say[:4]
	if want := []Say{{0, 0, 0, "oncall:cdn", "cdn"}, {0, -1, 0, "channel:journal", ""}, {0, -1, 0, "channel:noc", ""}, {0, -1, 0, "channel:pager", ""}}; !slices.Equal(first, want) {
		t.Errorf("at once: %+v", first)
	}
	if n := len(plan.Say); n != 3*(1+3+2)+3 {
		t.Errorf("%d in all: %+v", n, plan.Say)
	}
	targets, why := p.Resolve("oncall:cdn", at, nil, nil)
	if len(targets) != 1 || targets[0].Person != "marie" || targets[0].To != "+33639980112" || why != "" {
		t.Errorf("%+v %s", targets, why)
	}
	var ways []string
	for _, f := range targets[0].Fallbacks {
		ways = append(ways, f.Channel+" "+f.To)
	}
	if got := strings.Join(ways, ", "); got != "mail marie@tv.example, sms-twilio +33639980112, noc , regie " {
		t.Errorf("then by %s", got)
	}
	if targets, _ := p.Resolve("oncall:cdn", at.Add(2*time.Hour), nil, nil); len(targets) != 1 || targets[0].Person != "grace" || targets[0].Language != "en" {
		t.Errorf("at half past eleven: %+v", targets)
	}
	night := Subject{Group: "cdn", Severity: notice.Warning}
	if plan := p.Plan(night, at.Add(4*time.Hour)); !slices.Equal(plan.Routes, []string{"routes[0]", "routes[1] › routes[1]"}) || len(plan.Say) != 1 || plan.Say[0].Tell != "channel:journal" {
		t.Errorf("a warning at night: %+v", plan)
	}
	if plan := p.Plan(Subject{Group: "others", Severity: notice.Info}, at); !slices.Equal(plan.Routes, []string{"default"}) || plan.Wait != 5*time.Second || plan.Remind != 15*time.Minute {
		t.Errorf("what no route matches: %+v", plan)
	}
	if m := p.InMaintenance(Subject{Labels: map[string]string{"pop": "lyon-2"}}, time.Date(2026, 11, 24, 1, 0, 0, 0, time.UTC), nil); m == nil || m.ID != "routeur-lyon" {
		t.Errorf("at two in Paris: %v", m)
	}
}
