package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// An alert of Debian's Prometheus comes in as its own Alertmanager's would, reaches the receivers, and is handed
// on to Debian's Alertmanager; when Prometheus says that it is over, it is over everywhere.
func TestAPrometheusAlertsThroughVigieIntoAnAlertmanager(t *testing.T) {
	t.Parallel()
	prometheus, alertmanager := program(t, "prometheus"), program(t, "prometheus-alertmanager", "alertmanager")
	folder := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}

	am := freeAddress(t)
	run(t, exec.Command(alertmanager, "--config.file="+write("alertmanager.yml", "route: {receiver: none}\nreceivers: [{name: none}]\n"),
		"--storage.path="+filepath.Join(folder, "am"), "--web.listen-address="+am, "--cluster.listen-address="))

	e := listen(t)
	p := newProcess(t, pagesRoom)
	p.env = append(p.env, "ALERTS_TOKEN="+alertsToken, "HOOK_SECRET="+hookSecret)
	e.routing(t, filepath.Dir(p.config))
	routing := filepath.Join(filepath.Dir(p.config), "alerts", "routing.yaml")
	text, err := os.ReadFile(routing)
	if err != nil {
		t.Fatal(err)
	}
	more := strings.Replace(string(text), "channels:\n", fmt.Sprintf("channels:\n  - {id: am, type: alertmanager, url: %q}\n", "http://"+am), 1)
	if err := os.WriteFile(routing, []byte(strings.Replace(more, `also: ["channel:hook"]`, `also: ["channel:hook", "channel:am"]`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	p.start()
	p.up()

	// The alert fires while a file says so: Prometheus watches itself, and an expression that a reload changes.
	rules := func(fires bool) string {
		expr := "vector(1) > 2"
		if fires {
			expr = "vector(1) > 0"
		}
		return write("rules.yml", fmt.Sprintf("groups: [{name: disks, interval: 1s, rules: [{alert: DiskFull, expr: %q, labels: {severity: page, disk: sda}, annotations: {summary: 'The disk of db-1 is full', runbook_url: 'https://wiki.example.com/disks'}}]}]\n", expr))
	}
	prom := freeAddress(t)
	config := write("prometheus.yml", fmt.Sprintf("global: {evaluation_interval: 1s}\nrule_files: [%s]\nalerting: {alertmanagers: [{static_configs: [{targets: [%q]}], authorization: {credentials_file: %s}}]}\n",
		rules(true), p.machines, write("token", alertsToken)))
	run(t, exec.Command(prometheus, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(folder, "tsdb"), "--web.listen-address="+prom, "--web.enable-lifecycle"))

	has := func(kind string) func() bool {
		return func() bool {
			return slices.ContainsFunc(e.all(), func(h heard) bool {
				return h.by == "hook" && h.kind == kind && strings.Contains(h.title, "The disk of db-1 is full")
			})
		}
	}
	eventually(t, 90*time.Second, "Prometheus's alert is heard", has("firing"))
	type told struct {
		Labels map[string]string `json:"labels"`
		EndsAt time.Time         `json:"endsAt"`
	}
	there := func() (all []told) {
		res, err := http.Get("http://" + am + "/api/v2/alerts?active=true")
		if err != nil {
			return nil
		}
		defer res.Body.Close()
		json.NewDecoder(res.Body).Decode(&all)
		return all
	}
	eventually(t, 60*time.Second, "Alertmanager has it", func() bool {
		return slices.ContainsFunc(there(), func(a told) bool { return a.Labels["disk"] == "sda" })
	})
	rules(false)
	eventually(t, 30*time.Second, "Prometheus reads its rules again", func() bool {
		res, err := http.Post("http://"+prom+"/-/reload", "", nil)
		if err == nil {
			res.Body.Close()
		}
		return err == nil && res.StatusCode == http.StatusOK
	})
	eventually(t, 90*time.Second, "the end is heard", has("resolved"))
	eventually(t, 60*time.Second, "it is over in Alertmanager", func() bool {
		return !slices.ContainsFunc(there(), func(a told) bool { return a.Labels["disk"] == "sda" })
	})
	if n := len(slices.DeleteFunc(e.all(), func(h heard) bool { return h.by != "hook" })); n != 2 {
		t.Errorf("the receiver heard %d messages, want the beginning and the end", n)
	}
}
