package simulate

import (
	"net/netip"
)

// Network is a range of addresses and who announces it.
type Network struct {
	Prefix  netip.Prefix
	ASN     uint32
	Name    string
	Country string // ISO 3166-1 alpha-2
}

// AddressPlan lists the networks that viewers and attackers write from: a /20 of 198.18.0.0/15
// (RFC 2544, benchmarks) and a /40 of 2001:db8::/32 (RFC 3849, documentation) for each ISP, in the
// scenario's order. They are nobody's real addresses. An ISP without ASN is left out, as it would be
// from a routing table; its viewers write from 203.0.113.0/24 (RFC 5737) and the last /40.
func (s *Scenario) AddressPlan() []Network {
	var plan []Network
	for i, p := range s.ISPs {
		if p.ASN == 0 {
			continue
		}
		v4, v6 := prefixes(i)
		plan = append(plan, Network{v4, p.ASN, p.Name, p.Country}, Network{v6, p.ASN, p.Name, p.Country})
	}
	return plan
}

func prefixes(i int) (v4, v6 netip.Prefix) {
	v4 = netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18 + byte(i>>4), byte(i<<4) & 0xf0, 0}), 20)
	v6 = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(i)}), 40)
	return v4, v6
}

// address draws one of an ISP's addresses from a hash; a little over half of viewers have IPv6.
func address(i int, asn uint32, h uint64) netip.Addr {
	if h>>56 < 140 {
		a := [16]byte{0x20, 0x01, 0x0d, 0xb8, byte(i), byte(h), byte(h >> 8), 0, byte(h >> 16), byte(h >> 24), byte(h >> 32), 0xff, 0xfe, byte(h >> 40), byte(h >> 48), byte(h >> 4)}
		if asn == 0 {
			a[4] = 0xff
		}
		return netip.AddrFrom16(a)
	}
	if asn == 0 {
		return netip.AddrFrom4([4]byte{203, 0, 113, 1 + byte(h%254)})
	}
	return netip.AddrFrom4([4]byte{198, 18 + byte(i>>4), byte(i<<4)&0xf0 | byte(h)&0x0f, 1 + byte((h>>8)%254)})
}
