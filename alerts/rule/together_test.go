package rule

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"vigie/alerts/notice"
)

const weakRules = `
labels: {team: security}
rules:
  - {id: volume, title: {fr: V}, signal: requests, by: [cdn], over: 1s, when: z > k, for: 2s, keep_firing_for: 3s, family: volume}
  - {id: mix, title: {fr: M}, signal: asn_shift, by: [cdn], over: 1s, when: z > k, for: 2s, keep_firing_for: 3s, family: identity, weight: 2}
  - {id: agents, title: {fr: A}, signal: agent_shift, by: [cdn], over: 1s, when: z > k, for: 2s, keep_firing_for: 3s, family: identity}
  - {id: logins, title: {fr: L}, signal: viewers, over: 1s, when: z > k, for: 2s, keep_firing_for: 3s, family: ratio}
together:
  id: attack
  title: {fr: "Attaque sur {cdn}"}
  by: [cdn]
  keep_firing_for: 10s
  severity: [{critical: "value >= 2 and labels.cdn != \"\""}, {warning: "true"}]
`

// weak is a signal that is quiet for two minutes and then as values say; 1 is the usual, 0.0148 of it the spread.
func weak(t *testing.T, signal, cdn, values string) *shown {
	s := &shown{signal: signal, value: points(t, strings.Repeat("0.99 1 1.01 ", 40)+values)}
	if cdn != "" {
		s.labels = map[string]string{"cdn": cdn}
	}
	return s
}

func TestOneFamilyIsNoPage(t *testing.T) {
	d := newDesk(t, weakRules, weak(t, "asn_shift", "maison", "2x60"), weak(t, "agent_shift", "maison", "2x60"), weak(t, "requests", "autre", "2x60"))
	d.to(170)
	for _, key := range []string{"mix.maison", "agents.maison", "volume.autre"} {
		if a := d.want(key, Firing); !a.Weak {
			t.Errorf("%s is not weak", key)
		}
	}
	d.want("attack.maison", OK)
	d.want("attack.autre", OK)
}

func TestTwoFamiliesAreOneAlert(t *testing.T) {
	d := newDesk(t, weakRules,
		weak(t, "requests", "maison", "2x30 1x60"), weak(t, "asn_shift", "maison", "1x10 1.1x40 1x60"), weak(t, "agent_shift", "maison", "1x10 2x40 1x60"), weak(t, "asn_shift", "autre", "2x60"))
	d.to(131)
	d.want("attack.maison", OK)
	changes := d.to(132)
	i := slices.IndexFunc(changes, func(c Change) bool { return c.Alert.Key == "attack.maison" })
	if i < 0 || changes[i].From != OK || changes[i].Alert.Status != Firing {
		t.Fatalf("changes are %+v", changes)
	}
	a := d.want("attack.maison", Firing)
	if second(a.Fired) != 132 || fmt.Sprint(a.Parts) != "[agents.maison mix.maison volume.maison]" || fmt.Sprint(a.Labels) != "map[cdn:maison team:security]" || a.Weak || a.Rule != "attack" {
		t.Errorf("it is %+v", a)
	}
	// Volume is far beyond twice k, and counts 1. Of identity the strongest counts: the mix of networks is 6.7
	// spreads off, 0.41 of k beyond it, and weighs 2; that of agents counts 1.
	if a.Value != 2 || !a.Known || a.Severity != notice.Critical {
		t.Errorf("the score is %v and makes it %s", a.Value, a.Severity)
	}
	// The volume recovers at 150, and its alert ends at 153: ten seconds later there are not two families.
	d.to(153)
	d.want("volume.maison", OK)
	d.to(162)
	if a := d.want("attack.maison", Firing); fmt.Sprint(a.Parts) != "[agents.maison mix.maison]" {
		t.Errorf("it is made of %v", a.Parts)
	}
	changes = d.to(163)
	a = d.want("attack.maison", OK)
	if i := slices.IndexFunc(changes, func(c Change) bool { return c.Alert.Key == "attack.maison" }); i < 0 || !changes[i].Ended || second(changes[i].Spans[0].Ended) != 163 {
		t.Errorf("changes are %+v", changes)
	}
	if a.Active() || len(a.Parts) != 0 || a.Severity != "" {
		t.Errorf("over it is %+v", a)
	}
}

func TestWhatIsNotDividedCountsForAll(t *testing.T) {
	d := newDesk(t, weakRules, weak(t, "viewers", "", "20x60"), weak(t, "requests", "maison", "1x10 2x60"), weak(t, "asn_shift", "autre", "1x20 2x60"))
	d.to(125)
	if len(d.e.Alerts()) != 1 {
		t.Fatal("one family fires")
	}
	d.to(150)
	for key, parts := range map[string]string{"attack.maison": "[logins volume.maison]", "attack.autre": "[logins mix.autre]"} {
		if a := d.want(key, Firing); fmt.Sprint(a.Parts) != parts {
			t.Errorf("%s is made of %v, want %s", key, a.Parts, parts)
		}
	}
}

func TestWhatFiresForAllIsNotToldForEachPart(t *testing.T) {
	rules := strings.Replace(weakRules, "  - {id: logins", "  - {id: all, title: {fr: A}, signal: rebuffering, over: 1s, when: z > k, for: 2s, family: quality}\n  - {id: logins", 1)
	d := newDesk(t, rules, weak(t, "viewers", "", "20x60"), weak(t, "rebuffering", "", "2x60"), weak(t, "requests", "maison", "1x10 2x60"))
	d.to(160)
	var fired []string
	for _, a := range sortedAlerts(d.e) {
		if a.Rule == "attack" {
			fired = append(fired, fmt.Sprint(a.Labels, a.Parts))
		}
	}
	if got := strings.Join(fired, "; "); got != "map[team:security] [all logins]" {
		t.Errorf("there are %s", got)
	}
}

func TestAWeakSignalThatIsTriedMakesNoPage(t *testing.T) {
	rules := strings.Replace(weakRules, "id: volume,", "id: volume, mode: monitor,", 1)
	shows := []*shown{weak(t, "requests", "maison", "2x60"), weak(t, "asn_shift", "maison", "2x60")}
	d := newDesk(t, rules, shows...)
	d.to(160)
	d.want("volume.maison", Firing)
	d.want("attack.maison", OK)
	d = newDesk(t, "mode: monitor"+rules, shows...)
	d.to(160)
	if a := d.want("attack.maison", Firing); !a.Monitor {
		t.Error("a page of a file that is tried")
	}
}

func TestSeveralFamiliesWithoutDataGoOn(t *testing.T) {
	d := newDesk(t, weakRules, weak(t, "requests", "maison", "2x30 _x300"), weak(t, "asn_shift", "maison", "2x400"))
	d.to(400)
	d.want("volume.maison", NoData)
	d.want("attack.maison", Firing)
}

func TestFamiliesThatComeAtDifferentTimesBeginWhenTheyDid(t *testing.T) {
	late := weak(t, "asn_shift", "maison", "1x5 2x60 1x60")
	late.silent = [][2]int64{{121, 135}}
	d := newDesk(t, weakRules, weak(t, "requests", "maison", "1x2 2x80"), late)
	d.to(134)
	d.want("attack.maison", OK)
	d.to(135)
	if a := d.want("attack.maison", Firing); second(a.Fired) != 127 {
		t.Errorf("it fires since %d, want 127", second(a.Fired))
	}
}
