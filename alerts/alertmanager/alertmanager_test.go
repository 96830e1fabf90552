package alertmanager

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/notice/noticetest"
	"vigie/internal/provider"
)

// check is its OpenAPI description of a postableAlert, and what its model refuses.
func check(body []byte) error {
	var all []struct {
		Labels, Annotations map[string]string
		StartsAt, EndsAt    time.Time
		GeneratorURL        string
	}
	if err := noticetest.Strict(body, &all); err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("nothing")
	}
	for _, a := range all {
		for name, value := range a.Labels {
			if !regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`).MatchString(name) || value == "" {
				return fmt.Errorf("label %q=%q", name, value)
			}
		}
		if a.Labels["alertname"] == "" || a.Labels["vigie"] != "problem" || !slices.Contains([]string{"critical", "warning", "info"}, a.Labels["severity"]) || a.StartsAt.IsZero() || a.EndsAt.Before(a.StartsAt) {
			return fmt.Errorf("alert %+v", a)
		}
		if a.GeneratorURL != "" && provider.Link(a.GeneratorURL) == "" {
			return fmt.Errorf("generatorURL %q", a.GeneratorURL)
		}
	}
	return nil
}

func documented() noticetest.Provider {
	return noticetest.Provider{
		New: func(url string) (notice.Notifier, error) {
			return New(Config{URLs: []string{url + "/alertmanager/"}, User: "vigie", Secret: "a-password-of-ours"})
		},
		Secrets: []string{"a-password-of-ours"},
		Accept:  func(w http.ResponseWriter, _ *http.Request, _ []byte) {},
		Check: func(r *http.Request, body []byte) error {
			if user, password, _ := r.BasicAuth(); r.Method != http.MethodPost || r.URL.Path != "/alertmanager/api/v2/alerts" || r.Header.Get("Content-Type") != "application/json" || user != "vigie" || password != "a-password-of-ours" {
				return fmt.Errorf("%s %s %v", r.Method, r.URL, r.Header)
			}
			return check(body)
		},
	}
}

func TestAlertmanager(t *testing.T) { noticetest.Conform(t, documented()) }

// Each of a cluster is told; one that takes it is enough.
func TestACluster(t *testing.T) {
	for _, c := range []struct {
		modes []noticetest.Mode
		want  noticetest.Outcome
	}{
		{[]noticetest.Mode{noticetest.OK, noticetest.OK}, noticetest.Outcome{}},
		{[]noticetest.Mode{noticetest.Busy, noticetest.OK, noticetest.Refuses}, noticetest.Outcome{}},
		{[]noticetest.Mode{noticetest.Refuses, noticetest.Busy}, noticetest.Outcome{Certainty: provider.Temporary, Reason: provider.ReasonRate}},
		{[]noticetest.Mode{noticetest.Refuses, noticetest.Busy, noticetest.FailsAfter}, noticetest.Outcome{Certainty: provider.Ambiguous, Reason: provider.ReasonServer}},
		{[]noticetest.Mode{noticetest.Denies, noticetest.Denies}, noticetest.Outcome{Certainty: provider.Permanent, Reason: provider.ReasonAuth}},
	} {
		var urls []string
		var receivers []*noticetest.Receiver
		for _, m := range c.modes {
			p := documented()
			p.Check = nil
			r := noticetest.NewReceiver(t, p)
			r.Behave(m)
			urls, receivers = append(urls, r.URL), append(receivers, r)
		}
		channel, err := New(Config{URLs: urls})
		if err != nil {
			t.Fatal(err)
		}
		_, err = channel.Notify(t.Context(), "", notice.Fixtures()[0])
		if f := provider.Failed(err); (f == nil) != (c.want.Reason == "") || f != nil && (f.Certainty != c.want.Certainty || f.Reason != c.want.Reason) {
			t.Errorf("%v: %v", c.modes, err)
		}
		for i, r := range receivers {
			if r.Tries() != 1 {
				t.Errorf("%v: the %dth was told %d times", c.modes, i, r.Tries())
			}
		}
	}
}

// Debian's Alertmanager on a port of this machine: a problem is one alert however often it is said, gets worse as one,
// and is gone when it is over.
func TestARealAlertmanager(t *testing.T) {
	binary, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		t.Skip("prometheus-alertmanager is not here: apt-get install prometheus-alertmanager")
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(config, []byte("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	cmd := exec.Command(binary, "--config.file="+config, "--storage.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--cluster.listen-address=")
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if res, err := http.Get("http://" + address + "/-/ready"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not start")
		}
	}
	type known struct {
		Labels, Annotations map[string]string
		EndsAt, StartsAt    time.Time
		GeneratorURL        string
	}
	ask := func() (all []known) {
		t.Helper()
		res, err := http.Get("http://" + address + "/api/v2/alerts")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	channel, err := New(Config{URLs: []string{"http://" + address}})
	if err != nil {
		t.Fatal(err)
	}
	say := func(kind notice.Kind, severity notice.Severity) *notice.Notification {
		t.Helper()
		n := notice.Fixtures()[0]
		n.Kind, n.Severity = kind, severity
		n.Started = time.Now().Add(-time.Minute)
		n.Labels["équipe-1"] = "vidéo\r\n\"}]"
		if kind == notice.Resolved {
			n.Ended = time.Now()
		}
		if _, err := channel.Notify(t.Context(), "astreinte", n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	n := say(notice.Firing, notice.Warning)
	say(notice.Reminder, notice.Warning)
	all := ask()
	if len(all) != 1 {
		t.Fatalf("%d alerts of one problem: %+v", len(all), all)
	}
	want := map[string]string{"alertname": "cdn-errors", "rule": "cdn-errors", "vigie": "problem", "problem": n.Problem, "severity": "warning", "cdn": "maison", "isp": "orange", "owner": "video-sre", "receiver": "astreinte", "_quipe_1": `vidéo "}]`}
	if got := all[0]; fmt.Sprint(got.Labels) != fmt.Sprint(want) || got.Annotations["summary"] != n.Title || got.Annotations["viewers"] != "12430" || got.GeneratorURL != n.URL || !got.EndsAt.After(time.Now().Add(time.Minute)) {
		t.Errorf("%+v, want labels %v", got, want)
	}
	say(notice.Worse, notice.Critical)
	if all = ask(); len(all) != 1 || all[0].Labels["severity"] != "critical" {
		t.Errorf("after it got worse: %+v", all)
	}
	say(notice.Resolved, notice.Critical)
	if all = ask(); len(all) != 0 {
		t.Errorf("after it was over: %+v", all)
	}
	// The dead man's switch: an alert that is always there while Vigie is.
	say(notice.Heartbeat, notice.Info)
	if all = ask(); len(all) != 1 || all[0].Labels["alertname"] != "VigieHeartbeat" {
		t.Errorf("heartbeat: %+v", all)
	}
}

func TestPayloads(t *testing.T) {
	noticetest.Payloads(t, func(n *notice.Notification) any {
		return render("", n, time.Date(2026, 11, 21, 20, 7, 31, 0, time.UTC))
	})
}

func TestConfiguration(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{URLs: []string{"http://alertmanager:9093"}}, ""},
		{Config{URLs: []string{"https://alertmanager:9093"}, Secret: "token"}, ""},
		{Config{}, "url: "},
		{Config{URLs: make([]string, 11)}, "url: "},
		{Config{URLs: []string{"http://alertmanager:9093", "alertmanager:9093"}}, "url: "},
		{Config{URLs: []string{"http://alertmanager:9093/#/alerts"}}, "url: "},
		{Config{URLs: []string{"http://alertmanager:9093/?x"}}, "url: "},
		{Config{URLs: []string{"http://alertmanager:9093"}, Secret: "token"}, "url: "},
		{Config{URLs: []string{"https://alertmanager:9093"}, User: "vigie"}, "secret: "},
	} {
		if _, err := New(c.config); (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.config, err)
		}
	}
}

func FuzzAlertmanager(f *testing.F) {
	noticetest.Fuzz(f, func(t *testing.T, n *notice.Notification) {
		body, err := json.Marshal(render(n.Owner, n, time.Unix(1800000000, 0)))
		if err != nil {
			t.Fatal(err)
		}
		if err := check(body); err != nil || len(body) > 200_000 {
			t.Errorf("%v, %d bytes", err, len(body))
		}
	})
}
