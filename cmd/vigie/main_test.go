package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"vigie/internal/ch/chtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"vigie": main})
}

// The scripts are what people do at a terminal. Each has addresses and a data folder of its own.
func TestScripts(t *testing.T) {
	engine, err := chtest.Engine()
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir() // where the engine's library is
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, "XDG_CACHE_HOME="+cache, "VIGIE_CLICKHOUSE_BINARY="+engine, "VIGIE_DATA="+e.WorkDir+"/data")
			for _, name := range []string{"PEOPLE", "MACHINES", "SYSLOG_TCP", "SYSLOG_UDP", "CLICKHOUSE"} {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					return err
				}
				l.Close()
				e.Vars = append(e.Vars, name+"="+l.Addr().String(), "VIGIE_LISTEN_"+name+"="+l.Addr().String())
			}
			e.Vars = append(e.Vars, "VIGIE_CLICKHOUSE_LISTEN="+e.Getenv("CLICKHOUSE"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"answers": answers, "holds": holds, "sign-in": signIn,
		},
	})
}

// within tries until f gives no error, for a process needs a while to start.
func within(ts *testscript.TestScript, f func() error) {
	var err error
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	ts.Fatalf("after 90 s: %v", err)
}

// answers URL waits until it is answered with 200.
func answers(ts *testscript.TestScript, _ bool, args []string) {
	within(ts, func() error {
		res, err := http.Get(args[0])
		if err != nil {
			return err
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s", res.Status)
		}
		return nil
	})
}

// holds QUERY RESULT waits until the embedded ClickHouse says so.
func holds(ts *testscript.TestScript, _ bool, args []string) {
	within(ts, func() error {
		res, err := http.Post("http://"+ts.Getenv("CLICKHOUSE"), "", strings.NewReader(args[0]))
		if err != nil {
			return err
		}
		defer res.Body.Close()
		got, err := io.ReadAll(res.Body)
		if err == nil && strings.TrimSpace(string(got)) != args[1] {
			err = fmt.Errorf("%s says %s, want %s", args[0], got, args[1])
		}
		return err
	})
}

// sign-in NAME PASSWORD does at the people's door what the form does; ! expects to be refused.
func signIn(ts *testscript.TestScript, neg bool, args []string) {
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm("http://"+ts.Getenv("PEOPLE")+"/sign-in", url.Values{"name": {args[0]}, "password": {args[1]}})
	ts.Check(err)
	res.Body.Close()
	want := http.StatusSeeOther
	if neg {
		want = http.StatusUnauthorized
	}
	if res.StatusCode != want {
		ts.Fatalf("%s, want %d", res.Status, want)
	}
}
