package simulate

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"
)

// syslogger writes one CDN's access log to the syslog collector, each line at its moment. Over UDP
// a line that the network loses is lost, as nginx's are. Over TCP lines are framed by octet counting
// (RFC 6587 section 3.4.1), and after a broken connection it resumes with the first line that was
// not written whole; syslog has no acknowledgement, so what the kernel had taken counts as sent.
type syslogger struct {
	source, network, addr string
	ledger                *ledger
	log                   *slog.Logger

	seconds chan *messages
	hurry   chan struct{} // closed: nothing waits for its moment

	mu    sync.Mutex
	stats SenderStats
}

// messages are one second's lines, framed, in order of time.
type messages struct {
	due   time.Time // of the second's first moment
	buf   []byte
	ends  []int // of each message in buf
	ms    []uint16
	marks []mark // what each adds to the truth
}

const sliceMS = 50

func (m *messages) add(text []byte, framed bool, sec int64, l *line, weight uint64) {
	if framed {
		m.buf = append(strconv.AppendInt(m.buf, int64(len(text)), 10), ' ')
	}
	m.buf = append(m.buf, text...)
	m.ends = append(m.ends, len(m.buf))
	m.ms = append(m.ms, l.ms)
	m.marks = append(m.marks, mark{place{second: sec, cdn: l.cdn, isp: l.isp}, l.sum(weight)})
}

func (s *syslogger) open() {
	s.seconds = make(chan *messages, 120) // a late source holds its seconds here
	s.hurry = make(chan struct{})
}

func (s *syslogger) framed() bool { return s.network == "tcp" }

// offer queues a second unless the queue is full.
func (s *syslogger) offer(m *messages) {
	select {
	case s.seconds <- m:
	default:
		s.count(func(st *SenderStats) { st.Dropped += uint64(len(m.ends)) })
	}
}

func (s *syslogger) count(f func(*SenderStats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.stats)
}

func (s *syslogger) snapshot() SenderStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Source, st.Queued = s.source, len(s.seconds)
	return st
}

// run sends until seconds is closed and empty, or ctx ends.
func (s *syslogger) run(ctx context.Context) {
	var conn net.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	for m := range s.seconds {
		for from := 0; from < len(m.ends); {
			slice := m.ms[from] / sliceMS
			to := from
			for to < len(m.ends) && m.ms[to]/sliceMS == slice {
				to++
			}
			s.await(ctx, m.due.Add(time.Duration(slice+1)*sliceMS*time.Millisecond))
			if ctx.Err() != nil {
				s.count(func(st *SenderStats) { st.Dropped += uint64(len(m.ends) - from) })
				break
			}
			conn = s.write(ctx, conn, m, from, to)
			from = to
		}
	}
}

func (s *syslogger) await(ctx context.Context, t time.Time) {
	select {
	case <-s.hurry:
		return
	default:
	}
	if wait := time.Until(t); wait > 0 {
		select {
		case <-time.After(wait):
		case <-s.hurry:
		case <-ctx.Done():
		}
	}
}

// write sends messages from..to and returns the connection to go on with.
func (s *syslogger) write(ctx context.Context, conn net.Conn, m *messages, from, to int) net.Conn {
	pause := 100 * time.Millisecond
	for from < to {
		if ctx.Err() != nil {
			s.count(func(st *SenderStats) { st.Dropped += uint64(to - from) })
			return conn
		}
		if conn == nil {
			var err error
			if conn, err = (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, s.network, s.addr); err != nil {
				s.log.Debug("simulated nginx cannot reach syslog", "addr", s.addr, "err", err)
				select {
				case <-time.After(pause):
				case <-ctx.Done():
				}
				pause = min(2*pause, 5*time.Second)
				continue
			}
		}
		begin := 0
		if from > 0 {
			begin = m.ends[from-1]
		}
		upto := from + 1 // a datagram each
		if s.framed() {
			upto = to
		}
		_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
		stop := context.AfterFunc(ctx, func() { _ = conn.SetWriteDeadline(time.Unix(1, 0)) })
		n, err := conn.Write(m.buf[begin:m.ends[upto-1]])
		stop()
		sent := from
		for sent < upto && m.ends[sent]-begin <= n {
			sent++
		}
		s.ledger.settleLines(m.marks[from:sent])
		s.count(func(st *SenderStats) { st.Acknowledged += uint64(sent - from) })
		from = sent
		if err != nil {
			if !s.framed() {
				from++ // nginx does not repeat a datagram
				s.count(func(st *SenderStats) { st.Dropped++ })
				continue
			}
			s.log.Debug("simulated nginx lost its syslog connection", "addr", s.addr, "err", err)
			s.count(func(st *SenderStats) { st.Retries++ })
			_ = conn.Close()
			conn = nil
		}
	}
	return conn
}

func checkSyslog(network, addr string) error {
	if network != "udp" && network != "tcp" {
		return fmt.Errorf("simulate: SyslogNetwork: %q is neither udp nor tcp", network)
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("simulate: Syslog: %w", err)
	}
	return nil
}
