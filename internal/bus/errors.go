package bus

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Error codes of nats-server's server/errors.json that nats.go has no names for.
const (
	codeAccountResources  jetstream.ErrorCode = 10002
	codeInsufficient      jetstream.ErrorCode = 10023
	codeStorageResources  jetstream.ErrorCode = 10047
	codeStoreFailed       jetstream.ErrorCode = 10077
	codeDuplicateInFlight jetstream.ErrorCode = 10158
	codeBatchDuplicate    jetstream.ErrorCode = 10201
)

var errDuplicate = errors.New("duplicate")

// batchError reads the answer to a message of an atomic batch: empty while the batch is open.
func batchError(answer []byte) error {
	if len(answer) == 0 {
		return nil
	}
	var reply struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answer, &reply); err != nil {
		return fmt.Errorf("read the stream's answer: %w", err)
	}
	switch {
	case reply.Error == nil:
		return nil
	case reply.Error.ErrorCode == codeBatchDuplicate:
		return errDuplicate
	default:
		return reply.Error
	}
}

// mapped is the one place that turns NATS's errors into the package's.
func mapped(err error) error {
	var api *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrKeyNotFound), errors.Is(err, jetstream.ErrKeyDeleted), errors.Is(err, jetstream.ErrMsgNotFound):
		return ErrNotFound
	case errors.Is(err, jetstream.ErrKeyExists):
		return ErrConflict
	case errors.As(err, &api):
		switch api.ErrorCode {
		case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant:
			return ErrConflict
		case codeAccountResources, codeInsufficient, codeStorageResources:
			return fmt.Errorf("%w: %w", ErrFull, err)
		case codeStoreFailed:
			if strings.Contains(api.Description, "maximum") {
				return fmt.Errorf("%w: %w", ErrFull, err)
			}
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		case codeDuplicateInFlight, jetstream.JSErrCodeJetStreamNotEnabled, jetstream.JSErrCodeJetStreamNotEnabledForAccount:
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return err
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrConnectionClosed),
		errors.Is(err, nats.ErrDisconnected), errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrConnectionReconnecting),
		errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, jetstream.ErrNoHeartbeat), errors.Is(err, jetstream.ErrMsgIteratorClosed):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}
