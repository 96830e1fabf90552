package ingest

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"
)

// An envelope carries many small payloads in one message of the raw stream, each with what the
// collector knew of it: received at (8 bytes, Unix milliseconds, little endian), the peer's
// address (16 bytes, all zero when unknown), then user agent and payload, each behind its length
// as a uvarint.

// enclose appends one payload to an envelope.
func enclose(to []byte, received time.Time, client netip.Addr, userAgent string, payload []byte) []byte {
	to = binary.LittleEndian.AppendUint64(to, uint64(received.UnixMilli()))
	var addr [16]byte
	if client.IsValid() {
		addr = client.As16()
	}
	to = append(to, addr[:]...)
	to = binary.AppendUvarint(to, uint64(len(userAgent)))
	to = append(to, userAgent...)
	to = binary.AppendUvarint(to, uint64(len(payload)))
	return append(to, payload...)
}

// enclosedSize is the room that enclose needs beside user agent and payload, at most.
const enclosedSize = 8 + 16 + 2*binary.MaxVarintLen32

// enclosed is one payload of an envelope. Its texts are slices of the envelope.
type enclosed struct {
	received  time.Time
	client    netip.Addr
	userAgent []byte
	payload   []byte
}

var errEnvelope = errors.New("envelope: cut short")

// disclose takes the first payload off an envelope.
func disclose(env []byte) (first enclosed, rest []byte, err error) {
	if len(env) < 8+16 {
		return enclosed{}, nil, errEnvelope
	}
	first.received = time.UnixMilli(int64(binary.LittleEndian.Uint64(env)))
	if addr := netip.AddrFrom16([16]byte(env[8:24])); addr != netip.IPv6Unspecified() {
		first.client = addr.Unmap()
	}
	rest = env[24:]
	for _, text := range []*[]byte{&first.userAgent, &first.payload} {
		n, used := binary.Uvarint(rest)
		if used <= 0 || n > uint64(len(rest)-used) {
			return enclosed{}, nil, errEnvelope
		}
		*text, rest = rest[used:used+int(n)], rest[used+int(n):]
	}
	return first, rest, nil
}
