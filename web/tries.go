package web

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// tries limits how often someone may try to sign in: per address 20 at once and then one every 3 s,
// per account 10 at once and then one every 6 s. It remembers the 10,000 latest of each, so
// that inventing names or addresses costs no memory; a forgotten one starts anew.
type tries struct {
	addresses, accounts *buckets
}

func newTries() *tries {
	return &tries{
		addresses: newBuckets(10_000, 3*time.Second, 20),
		accounts:  newBuckets(10_000, 6*time.Second, 10),
	}
}

// allow spends one try of both.
func (t *tries) allow(from netip.Addr, name string) bool {
	if from.Is6() { // one customer has a whole /64
		if network, err := from.Prefix(64); err == nil {
			from = network.Addr()
		}
	}
	return t.addresses.allow(from.String()) && t.accounts.allow(name)
}

type buckets struct {
	limit int
	every rate.Limit
	burst int

	mu     sync.Mutex
	recent *list.List // of *bucket, the latest in front
	byKey  map[string]*list.Element
}

type bucket struct {
	key     string
	limiter *rate.Limiter
}

func newBuckets(limit int, every time.Duration, burst int) *buckets {
	return &buckets{limit: limit, every: rate.Every(every), burst: burst, recent: list.New(), byKey: make(map[string]*list.Element)}
}

func (b *buckets) allow(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.byKey[key]
	if !ok {
		if b.recent.Len() >= b.limit {
			oldest := b.recent.Back()
			delete(b.byKey, b.recent.Remove(oldest).(*bucket).key)
		}
		e = b.recent.PushFront(&bucket{key, rate.NewLimiter(b.every, b.burst)})
		b.byKey[key] = e
	}
	b.recent.MoveToFront(e)
	return e.Value.(*bucket).limiter.Allow()
}
