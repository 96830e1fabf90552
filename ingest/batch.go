package ingest

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"
)

const (
	batchWait  = 200 * time.Millisecond // the longest that a small piece waits for company
	batchBytes = 256 << 10              // what JetStream likes best
	batchDepth = 32                     // batches on their way to the stream at once, per source
)

var errBusy = errors.New("too many batches are waiting for the stream")

// batcher gathers small payloads of one source into envelopes.
//
// With retry, a batch that the stream refused is offered again until it is taken or ctx ends, and
// add waits meanwhile: for senders that get no answer but feel back-pressure. Without, its
// senders are told.
type batcher struct {
	source *Source
	syslog bool
	retry  bool
	store  func(context.Context, *delivery) (bool, error)
	ctx    context.Context // ends the retries of batches that belong to no request

	depth chan struct{} // a token per batch on its way
	open  sync.Mutex
	batch *batch
	wg    sync.WaitGroup
}

// batch is an envelope being filled, then on its way.
type batch struct {
	env     []byte
	settled chan struct{} // closed once err is final
	err     error
}

func newBatcher(ctx context.Context, source *Source, syslog, retry bool, store func(context.Context, *delivery) (bool, error)) *batcher {
	return &batcher{source: source, syslog: syslog, retry: retry, store: store, ctx: ctx, depth: make(chan struct{}, batchDepth)}
}

// add puts a payload into the open batch. The payload is copied. With wait false it fails at once
// (errBusy) when batchDepth batches are on their way, else it waits for one to settle.
func (b *batcher) add(ctx context.Context, wait bool, received time.Time, client netip.Addr, userAgent string, payload []byte) (*batch, error) {
	b.open.Lock()
	defer b.open.Unlock()
	if b.batch != nil && len(b.batch.env)+enclosedSize+len(userAgent)+len(payload) > batchBytes {
		b.send()
	}
	if b.batch == nil {
		select {
		case b.depth <- struct{}{}:
		default:
			if !wait {
				return nil, errBusy
			}
			select {
			case b.depth <- struct{}{}:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		opened := &batch{env: make([]byte, 0, 4<<10), settled: make(chan struct{})}
		b.batch = opened
		time.AfterFunc(batchWait, func() {
			b.open.Lock()
			defer b.open.Unlock()
			if b.batch == opened {
				b.send()
			}
		})
	}
	current := b.batch
	current.env = enclose(current.env, received, client, userAgent, payload)
	return current, nil
}

// send lets the open batch go. The caller holds b.open.
func (b *batcher) send() {
	going := b.batch
	b.batch = nil
	b.wg.Go(func() {
		defer func() {
			close(going.settled)
			<-b.depth
		}()
		d := &delivery{source: b.source, body: going.env, envelope: true, syslog: b.syslog}
		for delay := 100 * time.Millisecond; ; delay = min(2*delay, 5*time.Second) {
			d.received = time.Now() // its payloads keep their own times, however long it has to wait
			ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), storeWait)
			_, going.err = b.store(ctx, d)
			cancel()
			if going.err == nil || !b.retry {
				return
			}
			select {
			case <-time.After(delay):
			case <-b.ctx.Done():
				return
			}
		}
	})
}

// close sends what is open and waits until all batches are settled.
func (b *batcher) close() {
	b.open.Lock()
	if b.batch != nil {
		b.send()
	}
	b.open.Unlock()
	b.wg.Wait()
}
