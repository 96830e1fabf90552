package syslog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxMessage is the default longest message, in bytes; nginx cannot send a longer datagram.
const MaxMessage = 64 << 10

var (
	// ErrTooLong is returned by Next for a message that was passed over; the next one can be read.
	ErrTooLong = errors.New("syslog: message longer than the bound")
	// ErrFraming is returned by Next when the length of a message cannot be read: where the next
	// one begins is then unknown, and the connection is of no more use.
	ErrFraming = errors.New("syslog: message length expected")
)

const maxDigits = 9 // of a length that is passed over rather than disbelieved

// Reader reads the messages of one connection (RFC 6587). Its first byte decides on the framing: a
// digit from 1 to 9 is octet counting, which RFC 5425 has for TLS too, anything else is lines.
type Reader struct {
	buffer  *bufio.Reader
	most    int
	counted bool
	started bool
}

// NewReader reads messages of up to most bytes; 0 is MaxMessage. It holds one buffer of that size.
func NewReader(r io.Reader, most int) *Reader {
	if most <= 0 {
		most = MaxMessage
	}
	return &Reader{buffer: bufio.NewReaderSize(r, most+2), most: most}
}

// Next returns the next message that is not empty, without line feed, carriage return or NUL at
// its end. It is valid until the following call. io.EOF is the end, ErrTooLong may be followed by
// more, and any other error is final.
func (r *Reader) Next() ([]byte, error) {
	if !r.started {
		first, err := r.buffer.Peek(1)
		if err != nil {
			return nil, err
		}
		r.counted = first[0]-'1' <= 8
		r.started = true
	}
	for {
		msg, err := r.frame()
		if err != nil {
			return nil, err
		}
		if msg = bytes.TrimRight(msg, "\r\n\x00"); len(msg) > 0 {
			return msg, nil
		}
	}
}

func (r *Reader) frame() ([]byte, error) {
	if r.counted {
		return r.octets()
	}
	return r.line()
}

// line reads up to a line feed, or to the end of the connection.
func (r *Reader) line() ([]byte, error) {
	line, err := r.buffer.ReadSlice('\n')
	long := errors.Is(err, bufio.ErrBufferFull)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.buffer.ReadSlice('\n')
	}
	switch {
	case err != nil && (!errors.Is(err, io.EOF) || len(line) == 0):
		return nil, err
	case long || len(bytes.TrimRight(line, "\r\n\x00")) > r.most:
		return nil, ErrTooLong
	}
	return line, nil
}

// octets reads "LEN SP MSG". Some senders put a line feed behind it all the same.
func (r *Reader) octets() ([]byte, error) {
	n, digits := 0, 0
	for {
		c, err := r.buffer.ReadByte()
		if err != nil {
			if digits > 0 && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if digits == 0 && (c == '\n' || c == '\r' || c == 0) {
			continue
		}
		if c == ' ' && digits > 0 {
			break
		}
		if c-'0' > 9 || digits == maxDigits {
			return nil, ErrFraming
		}
		n = n*10 + int(c-'0')
		digits++
	}
	if n > r.most {
		if _, err := r.buffer.Discard(n); err != nil {
			return nil, cut(err)
		}
		return nil, ErrTooLong
	}
	msg, err := r.buffer.Peek(n)
	if err != nil {
		return nil, cut(err)
	}
	_, err = r.buffer.Discard(n)
	return msg, err
}

// cut is what an error in the middle of a message means.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("syslog: message cut: %w", io.ErrUnexpectedEOF)
	}
	return err
}
