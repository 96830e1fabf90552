package ingest

import (
	"bufio"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"strconv"
	"strings"

	"vigie/internal/event"
)

//go:embed isps.csv
var shippedISPs []byte

const (
	maxISPs    = 10_000 // lines of a table
	maxISPName = 64     // bytes
)

// ISPs names the access network behind an autonomous system number.
type ISPs struct{ byASN map[uint32][]byte }

// ShippedISPs is the table that comes with Vigie: France, and the large networks elsewhere.
func ShippedISPs() (*ISPs, error) { return ReadISPs(bytes.NewReader(shippedISPs)) }

// ReadISPs reads lines "ASN,name". Blank lines and those that begin with # are passed over.
func ReadISPs(r io.Reader) (*ISPs, error) {
	t := &ISPs{byASN: map[uint32][]byte{}}
	names := map[string][]byte{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		number, name, ok := strings.Cut(line, ",")
		name = strings.TrimSpace(name)
		asn, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(number), "AS"), 10, 32)
		switch {
		case !ok || err != nil || asn == 0:
			return nil, fmt.Errorf("line %d: %.60q is not ASN,name", n, line)
		case name == "" || len(name) > maxISPName:
			return nil, fmt.Errorf("line %d: the name must have 1 to %d bytes", n, maxISPName)
		case t.byASN[uint32(asn)] != nil:
			return nil, fmt.Errorf("line %d: AS%d is there twice", n, asn)
		case len(t.byASN) == maxISPs:
			return nil, fmt.Errorf("line %d: more than %d networks", n, maxISPs)
		}
		if names[name] == nil {
			names[name] = []byte(name)
		}
		t.byASN[uint32(asn)] = names[name]
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return t, nil
}

// name is the network's name, valid for the life of the table; asn 0 is Unknown.
func (t *ISPs) name(asn uint32) []byte {
	if asn == 0 {
		return ispUnknown
	}
	if name := t.byASN[asn]; name != nil {
		return name
	}
	return ispOther
}

var (
	ispOther   = []byte(event.ISPOther)
	ispUnknown = []byte(event.ISPUnknown)
)
