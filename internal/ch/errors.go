package ch

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"

	chgo "github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/clickhouse-go/v2"
)

// Code is ClickHouse's number for an error (src/Common/ErrorCodes.cpp), or 0 when ClickHouse did
// not raise it.
func Code(err error) int {
	if e := (*clickhouse.Exception)(nil); errors.As(err, &e) {
		return int(e.Code)
	}
	if e := (*chgo.Exception)(nil); errors.As(err, &e) {
		return int(e.Code)
	}
	return 0
}

// passing are the codes of conditions that pass: load, memory, disk, replicas, shutdown.
var passing = []int{
	3,   // UNEXPECTED_END_OF_FILE
	32,  // ATTEMPT_TO_READ_AFTER_EOF
	159, // TIMEOUT_EXCEEDED
	160, // TOO_SLOW
	202, // TOO_MANY_SIMULTANEOUS_QUERIES
	203, // NO_FREE_CONNECTION
	209, // SOCKET_TIMEOUT
	210, // NETWORK_ERROR
	225, // NO_ZOOKEEPER
	236, // ABORTED
	241, // MEMORY_LIMIT_EXCEEDED
	242, // TABLE_IS_READ_ONLY
	243, // NOT_ENOUGH_SPACE
	252, // TOO_MANY_PARTS
	254, // NO_ACTIVE_REPLICAS
	279, // ALL_CONNECTION_TRIES_FAILED
	285, // TOO_FEW_LIVE_REPLICAS
	286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
	319, // UNKNOWN_STATUS_OF_INSERT
	394, // QUERY_WAS_CANCELLED
	425, // SYSTEM_ERROR
	439, // CANNOT_SCHEDULE_TASK
	745, // SERVER_OVERLOADED
	999, // KEEPER_EXCEPTION
}

// IsUnavailable reports whether the same call may succeed later: ClickHouse cannot be reached, or
// is busy, full or stopping, or took too long. An Insert with a token is then repeated as it was.
// It is false when the caller ended its own context.
func IsUnavailable(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	if code := Code(err); code != 0 {
		return slices.Contains(passing, code)
	}
	if e := (*clickhouse.HTTPError)(nil); errors.As(err, &e) {
		return e.StatusCode == http.StatusTooManyRequests || e.StatusCode >= http.StatusBadGateway
	}
	if e := (net.Error)(nil); errors.As(err, &e) {
		return true
	}
	for _, target := range []error{
		context.DeadlineExceeded, clickhouse.ErrAcquireConnTimeout, driver.ErrBadConn, net.ErrClosed, io.EOF, io.ErrUnexpectedEOF,
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, syscall.ENOENT, chgo.ErrClosed,
	} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
