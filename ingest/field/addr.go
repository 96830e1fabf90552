package field

import (
	"bytes"
	"net/netip"
	"unsafe"
)

// Addr reads an IP address, also one with a port behind it (192.0.2.1:443, [2001:db8::1]:443). An
// IPv4 address in IPv6 clothes is unmapped. Zones are refused: they mean nothing away from their
// host.
func Addr(b []byte) (netip.Addr, bool) {
	if len(b) < 2 || len(b) > 64 {
		return netip.Addr{}, false
	}
	if b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 {
			return netip.Addr{}, false
		}
		b = b[1:end]
	} else if i := bytes.IndexByte(b, ':'); i > 0 && bytes.IndexByte(b[:i], '.') > 0 {
		b = b[:i]
	}
	if len(b) == 0 || bytes.IndexByte(b, '%') >= 0 {
		return netip.Addr{}, false
	}
	// The string lives as long as the call: an Addr without zone keeps no text, and the error
	// that would is dropped here.
	addr, err := netip.ParseAddr(unsafe.String(&b[0], len(b)))
	if err != nil {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}

// Client is the address of the viewer, given the peer's and X-Forwarded-For. The peer is believed,
// unless it is a proxy in front on the same network or machine: then it is the last public address
// of the list, which that proxy has added; what stands before can be written by anyone.
func Client(peer, forwarded []byte) netip.Addr {
	addr, ok := Addr(peer)
	if ok && !internal(addr) {
		return addr
	}
	for len(forwarded) > 0 {
		last := forwarded
		if i := bytes.LastIndexByte(forwarded, ','); i >= 0 {
			last, forwarded = forwarded[i+1:], forwarded[:i]
		} else {
			forwarded = nil
		}
		via, ok := Addr(bytes.TrimSpace(last))
		if !ok {
			break
		}
		if !internal(via) {
			return via
		}
	}
	return addr
}

func internal(a netip.Addr) bool {
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsUnspecified()
}
