package ingest

import "net/netip"

// network is what is kept of a client's address once its network operator is known: the /24 of
// IPv4, the /48 of IPv6.
func network(client netip.Addr) netip.Addr {
	bits := 48
	if client.Is4() {
		bits = 24
	}
	p, err := client.Prefix(bits)
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr()
}
