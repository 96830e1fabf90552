package route

import (
	"encoding/binary"
	"reflect"
	"slices"
	"testing"
	"time"

	"vigie/alerts/notice"
)

func FuzzParseMatchers(f *testing.F) {
	for _, text := range []string{`cdn=maison isp=~"Free|Orange"`, `{a="b\"c\\", d!~e}`, "a=\u00a0", `a="` + "\u202f" + `"`, `x=~"(?i)é+"`, `a!="",b=c`} {
		f.Add(text)
	}
	s := Subject{Group: "g", Rule: "r", Severity: notice.Critical, Labels: map[string]string{"cdn": "maison"}}
	f.Fuzz(func(t *testing.T, text string) {
		matchers, err := ParseMatchers(text)
		if err != nil {
			if matchers != nil {
				t.Fatalf("%v together with %v", matchers, err)
			}
			return
		}
		again, err := ParseMatchers(FormatMatchers(matchers))
		if err != nil || !reflect.DeepEqual(again, matchers) {
			t.Fatalf("%q is written as %q and read as %v, %v", text, FormatMatchers(matchers), again, err)
		}
		silence := Silence{Matchers: matchers, Reason: "x", By: "x", From: time.Unix(1e9, 0), To: time.Unix(1e9+1, 0)}
		matches := silence.Matches(s)
		if silence.Check() == nil && silence.Matches(s) != matches {
			t.Fatal("a check changes what it is about")
		}
	})
}

// words are what a fuzzed policy is made of: some of it fits together.
var words = []string{
	"", "a", "b", "c", "oncall:a", "person:a", "person:b", "channel:a", "channel:b", "oncall:b", "email", "webhook", "slack", "teams", "pagerduty", "sms", "alertmanager",
	"https://a.example/", "Europe/Paris", "Australia/Lord_Howe", "Nowhere", "fr", "en", "+33612345678", "a@b.fr", "twilio", "ovh", "2026-03-29T02:30", "2026-11-02", "20:00", "08:00", "24:00", "00:00",
	"mon", "sun", "critical", "warning", "info", "match", "outside", "first_half", "*", "a*", "\x00", "{{.Title}}", "{{range", "none", "tls",
}

// fill makes a value of what a fuzzer gives; what is left is zero.
func fill(v reflect.Value, data *[]byte, depth int) {
	next := func() int {
		if len(*data) == 0 {
			return 0
		}
		b := (*data)[0]
		*data = (*data)[1:]
		return int(b)
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(words[next()%len(words)])
	case reflect.Bool:
		v.SetBool(next()%4 == 1)
	case reflect.Int:
		v.SetInt(int64(next()%12 - 1))
	case reflect.Int64:
		sizes := []int64{0, 0, int64(time.Second), int64(time.Minute), int64(time.Hour), int64(24 * time.Hour), int64(7 * 24 * time.Hour), int64(notDuration), -1, 1 << 62}
		v.SetInt(sizes[next()%len(sizes)])
	case reflect.Pointer:
		if next()%3 > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), data, depth)
		}
	case reflect.Slice:
		n := next() % 4
		if depth > 7 || len(*data) == 0 {
			n = 0
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(v.Index(i), data, depth+1)
		}
	case reflect.Map:
		if next()%3 == 1 {
			v.Set(reflect.MakeMap(v.Type()))
			value := reflect.New(v.Type().Elem()).Elem()
			fill(value, data, depth+1)
			v.SetMapIndex(reflect.ValueOf(words[next()%len(words)]), value)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), data, depth+1)
			}
		}
	}
}

// FuzzPolicy checks whatever a policy may hold, and asks those that pass for everything.
func FuzzPolicy(f *testing.F) {
	for _, seed := range []string{"", "\x01\x02\x03", "routing"} {
		f.Add([]byte(seed), int64(1e9))
	}
	f.Add(binary.LittleEndian.AppendUint64(slices.Repeat([]byte{1, 2, 1, 3, 1, 1}, 60), 7), int64(1774749600))
	f.Fuzz(func(t *testing.T, data []byte, unix int64) {
		p := &Policy{}
		shape := byte(0)
		if len(data) > 0 {
			shape = data[0]
		}
		if shape%2 == 1 { // one that passes, with some of it changed
			p = read(t, roomYAML+"routes: [{match: {group: [a]}, escalation: long}, {escalation: short, match: {severity: [critical]}, routes: [{match: {rule: [a]}, nobody: true}]}]\n")
			rest := data[1:]
			v := reflect.ValueOf(p).Elem()
			for range 3 {
				at := v
				for range 6 {
					var step byte
					if len(rest) > 0 {
						step, rest = rest[0], rest[1:]
					}
					switch {
					case at.Kind() == reflect.Struct:
						fields := slices.DeleteFunc(reflect.VisibleFields(at.Type()), func(f reflect.StructField) bool { return !f.IsExported() })
						at = at.FieldByIndex(fields[int(step)%len(fields)].Index)
					case at.Kind() == reflect.Slice && at.Len() > 0:
						at = at.Index(int(step) % at.Len())
					case at.Kind() == reflect.Pointer && !at.IsNil():
						at = at.Elem()
					}
				}
				fill(at, &rest, 5)
			}
		} else {
			fill(reflect.ValueOf(p).Elem(), &data, 0)
		}
		err := p.Check()
		if _, e := jsonOf(p); e != nil {
			t.Fatal(e)
		}
		if err != nil {
			return
		}
		if again := p.Check(); again != nil {
			t.Fatalf("it passed, and does not when it is checked again: %v", again)
		}
		p.Warnings()
		p.Targets()
		at := time.Unix(unix%(1<<33), 0)
		for _, s := range []Subject{{}, {Group: "a", Rule: "a", Severity: notice.Critical, During: true}, {Group: "b", Labels: map[string]string{"a": "b"}, Match: "a", Criticality: 4}} {
			plan := p.Plan(s, at)
			if len(plan.Routes) == 0 || len(plan.Say) > MaxSay {
				t.Fatalf("%+v", plan)
			}
			if len(plan.Say) == 0 && plan.Routes[0] == "default" {
				t.Fatal("the default tells nobody")
			}
			for i, say := range plan.Say {
				if say.After < 0 || i > 0 && say.After < plan.Say[i-1].After || i > 0 && say.After == plan.Say[i-1].After && say.Tell == plan.Say[i-1].Tell {
					t.Fatalf("%+v", plan.Say)
				}
				targets, why := p.Resolve(say.Tell, at, nil, []Duty{{Role: "vidéo", Name: "x"}})
				if (len(targets) == 0) == (why == "") {
					t.Fatalf("%s: %v and %q", say.Tell, targets, why)
				}
			}
			var explained []string
			for _, l := range p.Explain(s, at, nil, nil) {
				if _, ok := english[l.Key]; !ok {
					t.Fatal(l)
				}
				switch l.Key {
				case "explain.matches":
					explained = append(explained, l.Args["route"])
				case "explain.default":
					explained = append(explained, "default")
				}
			}
			for _, r := range plan.Routes { // Explain goes the way that Plan goes
				if !slices.Contains(explained, r) {
					t.Fatalf("the plan is by %v, the explanation by %v", plan.Routes, explained)
				}
			}
			p.InMaintenance(s, at, nil)
		}
		for i := range p.Schedules {
			id := p.Schedules[i].ID
			to := at.Add(40 * 24 * time.Hour)
			last := at
			for _, s := range p.Shifts(id, at, to, nil) {
				if !s.From.Equal(last) || !s.To.After(s.From) {
					t.Fatalf("%+v does not follow %s", s, last)
				}
				if who, _ := p.OnCall(id, s.From, nil); who != s.Person {
					t.Fatalf("%+v is %q", s, who)
				}
				last = s.To
			}
			if !last.Equal(to) {
				t.Fatalf("nothing is told after %s", last)
			}
		}
	})
}
