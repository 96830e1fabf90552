package simulate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// second is one second of maison's log, ready for a network.
func second(m *Match, framed bool) *messages {
	at := newStamp(m.WallTime(10 * time.Minute).Unix())
	out := &messages{}
	for _, l := range m.cast.lines(nil, at.sec, 1, nil) {
		if l.cdn == 0 {
			out.add(m.cast.syslog(nil, &at, &l), framed, at.sec, &l, 1)
		}
	}
	return out
}

func newSyslogger(m *Match, network, addr string) *syslogger {
	s := &syslogger{source: "maison", network: network, addr: addr, ledger: m.ledger, log: slog.New(slog.DiscardHandler)}
	s.open()
	close(s.hurry)
	return s
}

func TestOverUDPEveryLineIsADatagramAsNginxSendsIt(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	m := newMatch(t, nil)
	s := newSyslogger(m, "udp", conn.LocalAddr().String())
	s.offer(second(m, s.framed()))
	close(s.seconds)
	go s.run(t.Context())
	buf := make([]byte, 64<<10)
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for range 50 { // the network may lose the others
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		header, payload, ok := strings.Cut(string(buf[:n]), " edge-maison nginx: ")
		if !ok || header != "<190>Nov 21 20:10:00" || !json.Valid([]byte(payload)) {
			t.Fatalf("datagram %q", buf[:n])
		}
	}
}

func TestABrokenSyslogConnectionResumesWithAWholeLine(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	m := newMatch(t, nil)
	s := newSyslogger(m, "tcp", listener.Addr().String())
	all := second(m, true)
	lastMessage := string(all.buf[all.ends[len(all.ends)-2]:])
	rest := make(chan string)
	broken := make(chan struct{})
	go func() {
		defer close(rest)
		first, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = io.CopyN(io.Discard, first, 10000)
		_ = first.(*net.TCPConn).SetLinger(0)
		_ = first.Close()
		close(broken)
		again, err := listener.Accept()
		if err != nil {
			return
		}
		defer again.Close()
		text, _ := io.ReadAll(again)
		rest <- string(text)
	}()
	s.seconds <- all
	go func() {
		<-broken
		for range 5 { // a reset is noticed when more is written
			s.seconds <- second(m, true)
		}
		close(s.seconds)
	}()
	go s.run(t.Context())
	text := <-rest
	if !strings.HasSuffix(text, lastMessage) {
		t.Errorf("the last message is missing")
	}
	in := bufio.NewReader(strings.NewReader(text))
	for n := 0; ; n++ {
		length, err := in.ReadString(' ')
		if err == io.EOF && n > 0 {
			break
		}
		size, err := strconv.Atoi(strings.TrimSpace(length))
		if err != nil {
			t.Fatalf("after %d messages the frame is %q", n, length)
		}
		msg := make([]byte, size)
		if _, err := io.ReadFull(in, msg); err != nil || !bytes.HasPrefix(msg, []byte("<190>")) {
			t.Fatalf("message %d is %q: %v", n, msg, err)
		}
	}
	if st := s.snapshot(); st.Retries == 0 || st.Dropped > 0 {
		t.Errorf("stats %+v", st)
	}
}
