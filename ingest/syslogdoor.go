package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"vigie/ingest/syslog"
)

const (
	maxSyslogMessage     = 64 << 10 // a datagram's own limit
	maxSyslogConnections = 1000
	syslogIdle           = 10 * time.Minute
	syslogHandshake      = 10 * time.Second
	datagramBuffer       = 8 << 20 // asked of the kernel, for bursts
)

// syslogDoor takes in log lines by syslog. Its senders get no answer: over TCP they feel
// back-pressure while the stream is full, datagrams that find no room are counted and lost.
type syslogDoor struct {
	collector *Collector
	routes    []syslogRoute
	udp, tcp  map[string]*batcher // by source
	slots     chan struct{}       // a token per connection
}

type syslogRoute struct {
	match  SyslogMatch
	source *Source
}

func newSyslogDoor(c *Collector) *syslogDoor {
	d := &syslogDoor{collector: c, udp: map[string]*batcher{}, tcp: map[string]*batcher{}, slots: make(chan struct{}, maxSyslogConnections)}
	for i := range c.cfg.Sources {
		if s := &c.cfg.Sources[i]; s.Syslog != nil {
			d.routes = append(d.routes, syslogRoute{*s.Syslog, s})
		}
	}
	return d
}

// source is who a message is from; nil: nobody who may send.
func (d *syslogDoor) source(from netip.Addr, msg []byte) *Source {
	var tag []byte
	parsed := false
	for _, r := range d.routes {
		inside := false
		for _, p := range r.match.From {
			inside = inside || p.Contains(from)
		}
		if !inside {
			continue
		}
		if r.match.Tag == "" {
			return r.source
		}
		if !parsed {
			h, _, _ := syslog.ParseHeader(msg)
			tag, parsed = h.App, true
		}
		if string(tag) == r.match.Tag {
			return r.source
		}
	}
	return nil
}

// mayCome tells whether any source takes messages from an address.
func (d *syslogDoor) mayCome(from netip.Addr) bool {
	return slices.ContainsFunc(d.routes, func(r syslogRoute) bool {
		return slices.ContainsFunc(r.match.From, func(p netip.Prefix) bool { return p.Contains(from) })
	})
}

var errNobody = errors.New("no source takes its messages: see syslog.from and syslog.tag of the sources")

func (d *syslogDoor) run(ctx context.Context) error {
	if len(d.routes) == 0 {
		return nil
	}
	for _, r := range d.routes {
		d.udp[r.source.ID] = newBatcher(ctx, r.source, true, true, d.store)
		d.tcp[r.source.ID] = newBatcher(ctx, r.source, true, true, d.store)
	}
	defer func() {
		for id := range d.udp {
			d.udp[id].close()
			d.tcp[id].close()
		}
	}()
	g, ctx := errgroup.WithContext(ctx)
	if at := d.collector.cfg.SyslogUDP; at != "" {
		conn, err := net.ListenPacket("udp", at)
		if err != nil {
			return fmt.Errorf("listen for syslog datagrams on %s (listen.syslog_udp): %w", at, err)
		}
		conn.(*net.UDPConn).SetReadBuffer(datagramBuffer) // as much as the kernel gives
		context.AfterFunc(ctx, func() { conn.Close() })
		g.Go(func() error { return d.datagrams(ctx, conn.(*net.UDPConn)) })
	}
	if at := d.collector.cfg.SyslogTCP; at != "" {
		listener, err := net.Listen("tcp", at)
		if err != nil {
			return fmt.Errorf("listen for syslog connections on %s (listen.syslog_tcp): %w", at, err)
		}
		context.AfterFunc(ctx, func() { listener.Close() })
		g.Go(func() error { return d.connections(ctx, listener, nil) })
	}
	if at, cfg := d.collector.cfg.SyslogTLS, d.collector.cfg.TLS; at != "" && cfg != nil {
		listener, err := net.Listen("tcp", at)
		if err != nil {
			return fmt.Errorf("listen for syslog over TLS on %s (listen.syslog_tls): %w", at, err)
		}
		context.AfterFunc(ctx, func() { listener.Close() })
		cfg = cfg.Clone()
		cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12) // RFC 9662
		g.Go(func() error { return d.connections(ctx, listener, cfg) })
	}
	return g.Wait()
}

// store notes what became of a batch, as nobody is told.
func (d *syslogDoor) store(ctx context.Context, batch *delivery) (duplicate bool, err error) {
	c := d.collector
	if duplicate, err = c.door.store(ctx, batch); err != nil {
		outcome := notStored(err)
		c.metrics.bodies.WithLabelValues(batch.source.ID, outcome).Inc()
		c.book.refused(batch.source.ID, "not stored: "+outcome)
		return false, err
	}
	c.stored(batch.source.ID, len(batch.body), duplicate)
	return duplicate, nil
}

func (d *syslogDoor) datagrams(ctx context.Context, conn *net.UDPConn) error {
	buf := make([]byte, maxSyslogMessage)
	for {
		n, at, err := conn.ReadFromUDPAddrPort(buf)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read syslog datagrams: %w", err)
		}
		from := at.Addr().Unmap()
		source := d.source(from, buf[:n])
		if source == nil {
			d.collector.metrics.dropped.WithLabelValues("").Inc()
			continue
		}
		if _, err := d.udp[source.ID].add(ctx, false, time.Now(), from, "", buf[:n]); err != nil {
			d.collector.metrics.dropped.WithLabelValues(source.ID).Inc()
		}
	}
}

// connections takes in connections, by TLS where secure is set. RFC 5425 frames as RFC 6587 does.
func (d *syslogDoor) connections(ctx context.Context, listener net.Listener, secure *tls.Config) error {
	var open sync.WaitGroup
	defer open.Wait()
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept syslog connections: %w", err)
		}
		select {
		case d.slots <- struct{}{}:
		default:
			d.collector.cfg.Log.Warn("syslog connection refused: too many are open", "from", conn.RemoteAddr(), "limit", maxSyslogConnections)
			conn.Close()
			continue
		}
		open.Go(func() {
			defer func() { <-d.slots }()
			stream := conn
			if secure != nil {
				stream = tls.Server(conn, secure)
			}
			defer stream.Close()
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			defer stop()
			if err := d.connection(ctx, stream); err != nil && ctx.Err() == nil {
				d.collector.cfg.Log.Warn("syslog connection closed", "from", conn.RemoteAddr(), "error", err)
			}
		})
	}
}

func (d *syslogDoor) connection(ctx context.Context, conn net.Conn) error {
	at, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return err
	}
	from := at.Addr().Unmap()
	if secure, ok := conn.(*tls.Conn); ok { // here, in the connection's own goroutine
		if !d.mayCome(from) {
			return errNobody // before it costs a handshake
		}
		handshake, cancel := context.WithTimeout(ctx, syslogHandshake)
		err := secure.HandshakeContext(handshake)
		cancel()
		if err != nil {
			return fmt.Errorf("TLS handshake: %w", err)
		}
	}
	messages := syslog.NewReader(idle{conn}, maxSyslogMessage)
	for {
		msg, err := messages.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, syslog.ErrTooLong):
			d.collector.metrics.bodies.WithLabelValues("", "too-long").Inc()
			continue
		case err != nil:
			return err
		}
		source := d.source(from, msg)
		if source == nil {
			return errNobody
		}
		if _, err := d.tcp[source.ID].add(ctx, true, time.Now(), from, "", msg); err != nil {
			return err
		}
	}
}

// idle closes a connection that has said nothing for long.
type idle struct{ net.Conn }

func (c idle) Read(p []byte) (int, error) {
	c.SetReadDeadline(time.Now().Add(syslogIdle))
	return c.Conn.Read(p)
}
