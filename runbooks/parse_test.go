package runbooks

import (
	"errors"
	"strings"
	"testing"
	"time"
)

const small = `---
title: {fr: "Le CDN {cdn} tombe", en: "CDN {cdn} falls"}
owner: CDN
when: {rules: cdn-errors, labels: {cdn: "*"}}
---

Avant tout. Voir [l’autre](other.md).

## Regarder

` + "```step" + `
id: look
kind: manual
owner: CDN
due: +2m
evidence: true
blocks: [choose]
` + "```" + `

Un texte, et un bloc :

` + "```sh" + `
## ceci n’est pas un titre
` + "```" + `

## Choisir

` + "```step" + `
id: choose
kind: decision
due: half_time+2m
choices: [{id: yes, label: {fr: Oui, en: "Yes"}}, {id: no, label: Non}]
` + "```" + `

## Appeler

` + "```step" + `
id: call
kind: automatic
when: {choose: yes}
http: {url: "https://steering.example/v1/{cdn}", body: '{"cdn": "{cdn}"}', wait: 5s, expect: {status: [200]}}
` + "```" + `
`

const smallEnglish = `---
---

Before all.

## Look

` + "```step\nid: look\n```" + `

A text.

## Choose

` + "```step\nid: choose\n```" + `

## Call

` + "```step\nid: call\n```" + `
`

func TestARunbookIsReadFromItsFiles(t *testing.T) {
	all, err := Read(map[string][]byte{"runbooks/small.md": []byte(small), "runbooks/small.en.md": []byte(strings.ReplaceAll(smallEnglish, "\n", "\r\n")), "runbooks/other.md": []byte(small)}, decode)
	if err != nil {
		t.Fatal(err)
	}
	rb := all[1]
	if rb.ID != "small" || rb.Title.In("en") != "CDN {cdn} falls" || rb.Owner != "CDN" || len(rb.Steps) != 3 || rb.Intro["en"] != "Before all." {
		t.Fatalf("%+v", rb)
	}
	look, choose, call := rb.Step("look"), rb.Step("choose"), rb.Step("call")
	if look.Title["fr"] != "Regarder" || look.Title["en"] != "Look" || look.Due.After != 2*time.Minute || look.Evidence.In("fr") == "" || !strings.Contains(look.Text["fr"], "## ceci") {
		t.Errorf("%+v", look)
	}
	if len(choose.Needs) != 1 || choose.Needs[0] != "look" || choose.Choices[0].ID != "yes" || choose.Choices[1].Label["fr"] != "Non" || choose.Due.String() != "half_time+2m" {
		t.Errorf("%+v", choose)
	}
	if call.Call.Method != "POST" || call.Call.Wait != 5*time.Second || call.When["choose"][0] != "yes" {
		t.Errorf("%+v", call)
	}
	if got := strings.Join(rb.Asks(), " "); got != "cdn" {
		t.Errorf("asks for %q", got)
	}
	if err := Check(all, Known{Labels: []string{"cdn"}, Allow: []Allow{{URL: "https://steering.example/v1"}}}); err != nil {
		t.Error(err)
	}
	if other := all[0]; other.Hash == rb.Hash || len(rb.Hash) != 64 {
		t.Errorf("hashes %s, %s", other.Hash, rb.Hash)
	}
}

// What is wrong is told with the line of the file in which it stands, in either language.
func TestWhatIsWrongIsToldWithItsPlace(t *testing.T) {
	replace := func(from, to string) string {
		if !strings.Contains(small, from) {
			t.Fatalf("no %q", from)
		}
		return strings.Replace(small, from, to, 1)
	}
	known := Known{
		Roles: []string{"CDN"}, Labels: []string{"cdn", "isp"}, Rules: []string{"cdn-errors"}, Allow: []Allow{{URL: "https://steering.example/v1"}},
		Signals: map[string][]string{"errors": {"cdn"}}, Scenarios: map[string][]string{"cdn-lost": {"initial"}},
	}
	for name, c := range map[string]struct {
		text, english, at, want string
	}{
		"no front matter":           {"# hello", "", "small.md [1:1]", "front matter"},
		"an unknown key":            {replace("owner: CDN\nwhen", "ownr: CDN\nwhen"), "", "[3:1]", "ownr"},
		"an unknown key of a step":  {replace("due: +2m", "deu: +2m"), "", "[15:1]", "deu"},
		"no owner":                  {replace("owner: CDN\nwhen", "when"), "", "owner: is missing", ""},
		"a kind that is none":       {replace("kind: manual", "kind: manuel"), "", "[13:1] kind", "manuel"},
		"a due that cannot be read": {replace("due: +2m", "due: in 2 minutes"), "", "[15:1] due", "cannot be read"},
		"a phase that is none":      {replace("half_time+2m", "halftime+2m"), "", "due", "no phase"},
		"an empty evidence":         {replace("evidence: true", `evidence: ""`), "", "[16:1] evidence", "is empty"},
		"no block":                  {replace("```step\nid: call", "```\nid: call"), "", "small.md [35:1]", "has no ```step block"},
		"two steps of one id":       {replace("id: call", "id: look"), "", "id", "another step's already"},
		"blocks what is not there":  {replace("blocks: [choose]", "blocks: [chose]"), "", "[17:1] blocks", `no step "chose"`},
		"http in a manual step":     {replace("owner: CDN\ndue", "http: {url: x}\ndue"), "", "http", "is not for a step"},
		"one choice":                {replace(`, {id: no, label: Non}`, ""), "", "choices", "2 to 8"},
		"a secret":                  {replace("wait: 5s", "headers: {Authorization: x}"), "", "http.headers", "vigie.yaml"},
		"no step in the other file": {small, strings.Replace(smallEnglish, "id: call", "id: cal", 1), "small.en.md [23:1] id", `no step "cal"`},
		"more in the other file":    {small, strings.Replace(smallEnglish, "id: call", "id: call\ndue: +2m", 1), "small.en.md", "the main file says all but the id"},

		"a role that nobody holds":     {replace("kind: manual\nowner: CDN", "kind: manual\nowner: DNS"), "", "[14:1] owner", "nobody holds"},
		"a rule that is not there":     {replace("rules: cdn-errors", "rules: cdn-error"), "", "[4:8] rules", "no rule"},
		"a label that is not there":    {replace(`labels: {cdn: "*"}`, `labels: {cnd: "*"}`), "", "cnd", "no label"},
		"a variable that is not there": {replace("Un texte,", "Un texte {cnd},"), "", "[20:1]", "no variable {cnd}"},
		"the same in English":          {small, strings.Replace(smallEnglish, "A text.", "A {text}.", 1), "small.en.md [12:1]", "no variable {text}"},
		"a link that leads nowhere":    {replace("(other.md)", "(othr.md)"), "", "[7:1]", "leads to no runbook"},
		"a link that is a script":      {replace("(other.md)", "(javascript:x)"), "", "[7:1]", "neither"},
		"needs itself":                 {replace("due: +2m", "needs: [choose]"), "", "can never be reached", "look → choose → look"},
		"needs what is not there":      {replace("due: +2m", "needs: [lok]"), "", "[15:1] needs", `no step "lok"`},
		"a choice that is not there":   {replace("{choose: yes}", "{choose: maybe}"), "", "small.md [40:1] when", `no choice "maybe"`},
		"a decision that is none":      {replace("{choose: yes}", "{look: yes}"), "", "when", `no decision "look"`},
		"an address that is elsewhere": {replace("steering.example", "evil.example"), "", "http.url", "not among the addresses"},
		"a host that is a variable":    {replace("https://steering.example", "https://{cdn}.example"), "", "http.url", "never for where the call goes"},
		"a path that leads out":        {replace("/v1/{cdn}", "/v1/../{cdn}"), "", "http.url", "not among the addresses"},
		"a signal that is not there":   {replace(`http: {url: "https://steering.example/v1/{cdn}", body: '{"cdn": "{cdn}"}', wait: 5s, expect: {status: [200]}}`, `signal: {name: error, above: 1}`), "", "signal.name", "no signal"},
		"a label of another signal":    {replace(`http: {url: "https://steering.example/v1/{cdn}", body: '{"cdn": "{cdn}"}', wait: 5s, expect: {status: [200]}}`, `signal: {name: errors, where: {isp: Free}, above: 1}`), "", "signal.where", "cannot be divided"},
		"a scenario that is not there": {replace("kind: manual", "kind: message\nscenario: cdn\nstep: initial"), "", "scenario", "no file of messages is the scenario"},
		"a message that is not there":  {replace("kind: manual", "kind: message\nscenario: cdn-lost\nstep: update"), "", "step", "no message"},
	} {
		files := map[string][]byte{"small.md": []byte(c.text), "other.md": []byte(small)}
		if c.english != "" {
			files["small.en.md"] = []byte(c.english)
		}
		all, err := Read(files, decode)
		err = errors.Join(err, Check(all, known))
		if err == nil || !strings.Contains(err.Error(), c.at) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s … %s", name, err, c.at, c.want)
		}
	}
}

// A step whose decisions cannot have been made so is told, across decisions too.
func TestContradictionsAreFound(t *testing.T) {
	step := func(id, more string) string { return "\n## " + id + "\n\n```step\nid: " + id + "\n" + more + "\n```\n" }
	front := "---\ntitle: x\nowner: y\n---\n"
	choice := "kind: decision\nchoices: [{id: a, label: A}, {id: b, label: B}]"
	text := front + step("d1", choice) + step("d2", choice+"\nwhen: {d1: a}") + step("never", "kind: manual\nwhen: {d1: b, d2: a}") + step("well", "kind: manual\nwhen: {d1: [a, b], d2: b}")
	all, err := Read(map[string][]byte{"x.md": []byte(text)}, decode)
	if err != nil {
		t.Fatal(err)
	}
	err = Check(all, Known{})
	if err == nil || strings.Count(err.Error(), "contradict") != 1 || !strings.Contains(err.Error(), "when: can never") {
		t.Error(err)
	}
}

func TestDue(t *testing.T) {
	for text, want := range map[string]string{
		"+5m": "+5m", " +90s": "+1m30s", "half_time+2m": "half_time+2m", "kick_off-10m": "first_half-10m", "kick_off": "first_half", "full_time + 1h": "after+1h",
		"5m": "", "-5m": "", "+": "", "": "", "half_time+": "", "half_time 2m": "", "kickoff": "", "+13h": "", "before+1m": "", "half_time+2": "",
	} {
		d, err := ParseDue(text)
		if (err == nil) != (want != "") || d.String() != want {
			t.Errorf("%q is %q, %v; want %q", text, d, err, want)
		}
		if err == nil {
			if again, err := ParseDue(want); err != nil || again != d {
				t.Errorf("%q is read as %+v, %v", want, again, err)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(smallEnglish))
	f.Add([]byte("---\n---\n## a\n```step\n```step\n```"))
	f.Fuzz(func(t *testing.T, text []byte) {
		rb, err := Parse("x", "x.md", text, decode)
		if (rb == nil) == (err == nil) && rb == nil {
			t.Fatal("neither a runbook nor an error")
		}
		if err == nil {
			_ = Check([]*Runbook{rb}, Known{Labels: []string{"cdn"}})
			for _, s := range rb.Steps {
				HTML(s.Text.In("fr"), nil)
			}
		}
	})
}

func TestHTML(t *testing.T) {
	value := func(name string) (string, bool) {
		v, ok := map[string]string{"cdn": `<b>"x"&[a](javascript:y)`, "isp": "Free"}[name]
		return v, ok
	}
	for text, want := range map[string]string{
		"**{isp}** et {device}": "<p><strong>Free</strong> et {device}</p>",
		"{cdn}":                 "<p>&lt;b&gt;&#34;x&#34;&amp;[a](javascript:y)</p>",
		"`{cdn}`":               "<p><code>&lt;b&gt;&#34;x&#34;&amp;[a](javascript:y)</code></p>",
		"[a](cdn-lost.en.md)":   `<p><a href="/runbooks/cdn-lost">a</a></p>`,
		"[a](https://x.example/?cdn={cdn}&i={isp})": `<p><a href="https://x.example/?cdn=%3Cb%3E%22x%22%26%5Ba%5D%28javascript%3Ay%29&amp;i=Free">a</a></p>`,
		"[a](javascript:x)":                         `<p><a href="">a</a></p>`,
		"[a](//evil.example)":                       `<p><a href="">a</a></p>`,
		"![un dessin](https://x.example/a.png)":     "<p>un dessin</p>",
		"<script>x</script>":                        "<!-- raw HTML omitted -->",
		"| a |\n| --- |\n| b |":                     "<table>",
	} {
		if got := strings.TrimSpace(HTML(text, value)); got != want && !(want == "<table>" && strings.HasPrefix(got, want)) && !(strings.HasPrefix(want, "<!--") && strings.HasPrefix(got, want)) {
			t.Errorf("%s\n is %s\nwant %s", text, got, want)
		}
	}
}
