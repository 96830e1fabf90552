package ingest

import (
	"errors"
	"io"

	"golang.org/x/sync/semaphore"
)

// errMemory tells a sender to come back: nobody waits for memory.
var errMemory = errors.New("too many bodies are being received: try again in a second")

// share is what one delivery holds of MaxMemory, for its body as it came or as it unpacks.
type share struct {
	of   *semaphore.Weighted
	held int64
}

func (s *share) take(n int64) error {
	if !s.of.TryAcquire(n) {
		return errMemory
	}
	s.held += n
	return nil
}

// release gives back all that was taken; once more does no harm.
func (s *share) release() {
	s.of.Release(s.held)
	s.held = 0
}

// gather reads a stream to its end, into memory that it takes before it fills it. The stream must end
// or fail after at most most bytes; size of them are expected. What it took is the caller's to release.
func (s *share) gather(from io.Reader, size, most int64) ([]byte, error) {
	size = min(size, most)
	if err := s.take(size); err != nil {
		return nil, err
	}
	body := make([]byte, 0, size+1) // one more, so that the end is seen without growing
	for {
		if len(body) == cap(body) {
			grown := min(max(2*int64(cap(body)), 512), most+1)
			if err := s.take(grown - int64(cap(body))); err != nil {
				return nil, err
			}
			body = append(make([]byte, 0, grown), body...)
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, err
		}
	}
}
