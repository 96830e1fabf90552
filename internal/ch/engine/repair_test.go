//go:build linux

package engine

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRepairTakesBackWhatWasRecordedButNotKept(t *testing.T) {
	for _, c := range []struct {
		name       string
		parts      string   // folders of the table
		logs       []string // deduplication_log_9.txt, then _10.txt
		want       string   // of the last log
		takenBacks bool
	}{
		{
			name: "all parts are there", parts: "p_1_1_0 p_2_2_0",
			logs: []string{"1\tp_1_1_0\tA\n1\tp_2_2_0\tB\n"},
			want: "1\tp_1_1_0\tA\n1\tp_2_2_0\tB\n",
		},
		{
			name: "the last part is not", parts: "p_1_1_0 tmp_insert_p_2_2_0 detached",
			logs: []string{"1\tp_1_1_0\tA\n1\tp_2_2_0\tB\n"},
			want: "1\tp_1_1_0\tA\n1\tp_2_2_0\tB\n2\tp_2_2_0\tB\n", takenBacks: true,
		},
		{
			name: "parts live on in a merged and mutated one", parts: "p_1_7_2_9",
			logs: []string{"1\tp_1_1_0\tA\n1\tp_7_7_0\tB\n"},
			want: "1\tp_1_1_0\tA\n1\tp_7_7_0\tB\n",
		},
		{
			name: "another partition's part is not this one's", parts: "q_1_7_2",
			logs: []string{"1\tp_3_3_0\tA\n"},
			want: "1\tp_3_3_0\tA\n2\tp_3_3_0\tA\n", takenBacks: true,
		},
		{
			name: "what was dropped already is left alone", parts: "",
			logs: []string{"1\tp_1_1_0\tA\n2\tp_1_1_0\tA\n"},
			want: "1\tp_1_1_0\tA\n2\tp_1_1_0\tA\n",
		},
		{
			name: "older logs count too, in the order of their numbers", parts: "p_2_2_0",
			logs: []string{"1\tp_1_1_0\tA\n", "1\tp_2_2_0\tB\n"},
			want: "1\tp_2_2_0\tB\n2\tp_1_1_0\tA\n", takenBacks: true,
		},
		{
			name: "a record that was cut off goes", parts: "p_1_1_0",
			logs: []string{"1\tp_1_1_0\tA\n1\tp_2_2_0\tB"},
			want: "1\tp_1_1_0\tA\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := t.TempDir()
			table := filepath.Join(data, "store", "abc", "abcdef")
			for _, part := range append(strings.Fields(c.parts), "deduplication_logs") {
				if err := os.MkdirAll(filepath.Join(table, part), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			last := ""
			for i, text := range c.logs {
				last = filepath.Join(table, "deduplication_logs", []string{"deduplication_log_9.txt", "deduplication_log_10.txt"}[i])
				if err := os.WriteFile(last, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var said bytes.Buffer
			for range 2 { // a second time there is nothing left to do
				if err := repairDeduplication(data, slog.New(slog.NewTextHandler(&said, nil))); err != nil {
					t.Fatal(err)
				}
				got, err := os.ReadFile(last)
				if err != nil {
					t.Fatal(err)
				}
				if string(got) != c.want {
					t.Errorf("the log is\n%swant\n%s", got, c.want)
				}
			}
			if n := strings.Count(said.String(), "may be repeated"); (n == 1) != c.takenBacks {
				t.Errorf("it was said %d times: %s", n, said.String())
			}
		})
	}
}
