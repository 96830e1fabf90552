package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// Header travels with a message. Names are case-sensitive.
type Header map[string]string

// Message is one entry of a stream.
type Message struct {
	Subject string
	Header  Header
	Data    []byte
	ID      string // duplicates with the same ID within the stream's window are stored once; empty: never a duplicate

	Sequence uint64    // given by the stream
	Stored   time.Time // given by the stream
}

// StreamConfig is what a stream keeps.
type StreamConfig struct {
	Name     string
	Subjects []string
	MaxBytes int64         // at this size new messages are refused; 0: unbounded
	MaxAge   time.Duration // older messages go; 0: they stay
	Window   time.Duration // in which IDs are remembered; 0: the server's 2 minutes
}

// Stream is an ordered, durable sequence of messages.
type Stream struct {
	bus     *Bus
	stream  jetstream.Stream
	name    string
	payload int
}

// headerRoom is kept free in a message for its headers.
const headerRoom = 16 << 10

// Stream opens a stream, made or changed to be as configured.
func (b *Bus) Stream(ctx context.Context, cfg StreamConfig) (*Stream, error) {
	sc := jetstream.StreamConfig{
		Name:               cfg.Name,
		Subjects:           cfg.Subjects,
		Retention:          jetstream.LimitsPolicy,
		Discard:            jetstream.DiscardNew,
		MaxBytes:           -1,
		MaxAge:             cfg.MaxAge,
		Duplicates:         cfg.Window,
		Storage:            jetstream.FileStorage,
		Replicas:           b.replicas,
		AllowAtomicPublish: true,
		AllowDirect:        true,
	}
	if cfg.MaxBytes > 0 {
		sc.MaxBytes = cfg.MaxBytes
	}
	s, err := b.js.CreateOrUpdateStream(ctx, sc)
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", cfg.Name, mapped(err))
	}
	return &Stream{bus: b, stream: s, name: cfg.Name, payload: int(b.nc.MaxPayload()) - headerRoom}, nil
}

// MaxData is the largest Data that one message can carry, in bytes.
func (s *Stream) MaxData() int { return s.payload }

// Publish stores one message and returns when the stream has it, on disk where the stream is.
// A duplicate is reported as success, with its first copy's sequence.
func (s *Stream) Publish(ctx context.Context, m Message) (sequence uint64, duplicate bool, err error) {
	ack, err := s.bus.js.PublishMsg(ctx, wire(m), jetstream.WithExpectStream(s.name))
	if err != nil {
		return 0, false, fmt.Errorf("publish to %s: %w", s.name, mapped(err))
	}
	return ack.Sequence, ack.Duplicate, nil
}

// PublishAll stores all messages one after the other, or none of them: NATS's atomic batch
// publishing (ADR-50), at most 1,000 messages. When their IDs are duplicates, nothing is stored
// and duplicate is true.
func (s *Stream) PublishAll(ctx context.Context, messages []Message) (duplicate bool, err error) {
	batch := nuid.Next()
	for i, m := range messages {
		msg := wire(m)
		msg.Header.Set("Nats-Batch-Id", batch)
		msg.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		msg.Header.Set("Nats-Expected-Stream", s.name)
		last := i == len(messages)-1
		if last {
			msg.Header.Set("Nats-Batch-Commit", "1")
		}
		if i > 0 && !last { // the first tells early that the batch cannot be; the last that it is
			if err := s.bus.nc.PublishMsg(msg); err != nil {
				return false, fmt.Errorf("publish to %s: %w", s.name, mapped(err))
			}
			continue
		}
		reply, err := s.bus.nc.RequestMsgWithContext(ctx, msg)
		if err != nil {
			return false, fmt.Errorf("publish to %s: %w", s.name, mapped(err))
		}
		if err := batchError(reply.Data); errors.Is(err, errDuplicate) {
			return true, nil
		} else if err != nil {
			return false, fmt.Errorf("publish to %s: %w", s.name, mapped(err))
		}
	}
	return false, nil
}

// State is what a stream holds.
type State struct {
	First, Last uint64 // sequences; First is Last+1 in an empty stream
	Bytes       uint64
	MaxBytes    int64
	Made        time.Time // when the stream was: another time is another stream, with sequences of its own
}

// State asks the stream what it holds.
func (s *Stream) State(ctx context.Context) (State, error) {
	info, err := s.stream.Info(ctx)
	if err != nil {
		return State{}, fmt.Errorf("ask stream %s: %w", s.name, mapped(err))
	}
	return State{First: info.State.FirstSeq, Last: info.State.LastSeq, Bytes: info.State.Bytes, MaxBytes: info.Config.MaxBytes, Made: info.Created}, nil
}

// Forget removes every message before the sequence.
func (s *Stream) Forget(ctx context.Context, before uint64) error {
	if err := s.stream.Purge(ctx, jetstream.WithPurgeSequence(before)); err != nil {
		return fmt.Errorf("purge stream %s before %d: %w", s.name, before, mapped(err))
	}
	return nil
}

// StoredAt tells when a message was stored. ErrNotFound: it is not there any more.
func (s *Stream) StoredAt(ctx context.Context, sequence uint64) (time.Time, error) {
	m, err := s.stream.GetMsg(ctx, sequence)
	if err != nil {
		return time.Time{}, fmt.Errorf("look at message %d of stream %s: %w", sequence, s.name, mapped(err))
	}
	return m.Time, nil
}

// Reader reads a stream in order.
type Reader struct {
	name     string
	messages jetstream.MessagesContext
}

// readAhead bounds what a Reader holds in memory.
const readAhead = 32 << 20

// Read starts reading at a sequence, or at the first message after it that is still there.
func (s *Stream) Read(ctx context.Context, from uint64) (*Reader, error) {
	consumer, err := s.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   max(from, 1),
	})
	if err != nil {
		return nil, fmt.Errorf("read stream %s from %d: %w", s.name, from, mapped(err))
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessagesWithBytesLimit(1024, readAhead))
	if err != nil {
		return nil, fmt.Errorf("read stream %s from %d: %w", s.name, from, mapped(err))
	}
	return &Reader{s.name, messages}, nil
}

// Next waits for the next message until ctx ends; its error is then ctx's. Any other error ends
// the Reader: open another one.
func (r *Reader) Next(ctx context.Context) (Message, error) {
	msg, err := r.messages.Next(jetstream.NextContext(ctx))
	if err != nil {
		if ctx.Err() != nil {
			return Message{}, ctx.Err()
		}
		return Message{}, fmt.Errorf("read stream %s: %w", r.name, mapped(err))
	}
	meta, err := msg.Metadata()
	if err != nil {
		return Message{}, fmt.Errorf("read stream %s: %w", r.name, err)
	}
	m := Message{Subject: msg.Subject(), Data: msg.Data(), Sequence: meta.Sequence.Stream, Stored: meta.Timestamp}
	if h := msg.Headers(); len(h) > 0 {
		m.Header = make(Header, len(h))
		for k, v := range h {
			m.Header[k] = v[0]
		}
	}
	return m, nil
}

// Close ends the reading.
func (r *Reader) Close() { r.messages.Stop() }

func wire(m Message) *nats.Msg {
	h := make(nats.Header, len(m.Header)+4)
	for k, v := range m.Header {
		h[k] = []string{v}
	}
	if m.ID != "" {
		h.Set(jetstream.MsgIDHeader, m.ID)
	}
	return &nats.Msg{Subject: m.Subject, Header: h, Data: m.Data}
}
