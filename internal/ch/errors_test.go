package ch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	chgo "github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/clickhouse-go/v2"
)

func TestIsUnavailable(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"none", nil, false},
		{"no socket yet", &net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", syscall.ENOENT)}, true},
		{"nobody listens", &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, true},
		{"cut off", io.ErrUnexpectedEOF, true},
		{"no answer", io.EOF, true},
		{"no connection free", clickhouse.ErrAcquireConnTimeout, true},
		{"took too long", context.DeadlineExceeded, true},
		{"caller left", context.Canceled, false},
		{"too many parts", &clickhouse.Exception{Code: 252}, true},
		{"too many parts, natively", &chgo.Exception{Code: 252}, true},
		{"memory, over HTTP", &clickhouse.HTTPError{StatusCode: 500, Err: &clickhouse.Exception{Code: 241}}, true},
		{"syntax", &clickhouse.Exception{Code: 62}, false},
		{"syntax, over HTTP with a status for later", &clickhouse.HTTPError{StatusCode: 503, Err: &clickhouse.Exception{Code: 62}}, false},
		{"a proxy in between", &clickhouse.HTTPError{StatusCode: 502, Err: errors.New("bad gateway")}, true},
		{"something else", errors.New("something else"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.err != nil {
				c.err = fmt.Errorf("insert into t: %w", c.err)
			}
			if got := IsUnavailable(c.err); got != c.want {
				t.Errorf("%v for %v", got, c.err)
			}
		})
	}
}
