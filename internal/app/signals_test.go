package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Debian's Prometheus scrapes the signals of a running vigie with a token from the command line: viewers
// who told so are a series, what nobody told is none.
func TestPrometheusScrapesTheBoard(t *testing.T) {
	prometheus, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("prometheus is not here: apt-get install prometheus")
	}
	t.Parallel()
	p := newProcess(t, `
cdns: [{id: maison, name: Maison}]
sources: [{id: sdk, format: beacon, token_env: VIGIE_TEST_TOKEN}]
`)
	p.start()
	p.up()
	secret, err := p.command("token", "add", "prometheus", "--kind", "api", "--config", p.config).Output()
	if err != nil {
		t.Fatal(err)
	}
	dir, address := t.TempDir(), freeAddress(t)
	for name, text := range map[string]string{
		"token": strings.TrimSpace(string(secret)),
		"prometheus.yml": fmt.Sprintf(`
global: {scrape_interval: 1s}
scrape_configs:
  - {job_name: vigie, metrics_path: /signals, authorization: {credentials_file: token}, static_configs: [{targets: [%q]}]}
  - {job_name: stranger, metrics_path: /signals, static_configs: [{targets: [%[1]q]}]}
`, p.people),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(prometheus, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=error")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })

	// value is what Prometheus answers to a query, "" when there is no series.
	value := func(query string) string {
		res, err := http.Get("http://" + address + "/api/v1/query?" + url.Values{"query": {query}}.Encode())
		if err != nil {
			return ""
		}
		defer res.Body.Close()
		var answer struct {
			Data struct{ Result []struct{ Value [2]any } }
		}
		if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || len(answer.Data.Result) != 1 {
			return ""
		}
		return fmt.Sprint(answer.Data.Result[0].Value[1])
	}
	is := func(query, want string) {
		t.Helper()
		eventually(t, time.Minute, fmt.Sprintf("%s is %s, not %s", query, want, value(query)), func() bool { return value(query) == want })
	}
	is(`up{job="vigie"}`, "1")
	is(`up{job="stranger"}`, "0")
	is(`time() - vigie_board_timestamp_seconds < bool 10`, "1")
	is(`absent(vigie_board_viewers)`, "1")
	is(`vigie_board_health{panel="viewers"}`, "0")
	is(`vigie_board_source_silent{source="sdk"}`, "1")

	const viewers = 40
	beat := func() {
		var lines strings.Builder
		for i := range viewers {
			fmt.Fprintf(&lines, `{"v":1,"session":"viewer-%d","t":%d,"event":"heartbeat","cdn":"maison","watchedTime":1000,"playbackStallCount":0,"playbackStallDuration":0,"mediaTime":1000}`+"\n", i, time.Now().UnixMilli())
		}
		if status, answer, _ := p.post(p.machines, "sdk", lines.String()); status/100 != 2 {
			t.Fatalf("beacons: %d %s", status, answer)
		}
		time.Sleep(time.Second)
	}
	for end := time.Now().Add(2 * time.Minute); value("vigie_board_viewers") != fmt.Sprint(viewers); beat() {
		if time.Now().After(end) {
			t.Fatalf("%s viewers are scraped, want %d", value("vigie_board_viewers"), viewers)
		}
	}
	is(`vigie_board_source_silent{source="sdk"}`, "0")
	is(`vigie_board_rebuffering_ratio`, "0") // that nobody stalls is known
	is(`absent(vigie_board_error_ratio)`, "1")
	is(`absent(vigie_board_startup_seconds)`, "1")

	// The same board as JSON, and as a table.
	read := func(path string) string {
		r, err := http.NewRequest(http.MethodGet, "http://"+p.people+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(secret)))
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %v %s", path, res.StatusCode, err, body)
		}
		return string(body)
	}
	var board struct {
		Panels struct {
			Viewers, Errors struct{ Value *float64 }
			Sources         struct {
				Rows []struct{ ID, Finding string }
			}
		}
	}
	if err := json.Unmarshal([]byte(read("/api/v1/board")), &board); err != nil {
		t.Fatal(err)
	}
	if b := board.Panels; b.Viewers.Value == nil || *b.Viewers.Value != viewers || b.Errors.Value != nil || len(b.Sources.Rows) == 0 || b.Sources.Rows[0].ID != "sdk" {
		t.Errorf("the board says %+v", b)
	}
	if table := read("/export/tools.csv"); !strings.HasPrefix(table, "as_of,tool,") || strings.Count(table, "\n") != 2 {
		t.Errorf("tools are %s", table)
	}
	read("/api/v1/board/viewers?isp=Unknown") // a sight that nobody looks at yet
	read("/export/breakdown.csv?cdn=maison")
}
