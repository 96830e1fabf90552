package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"vigie/internal/event"
)

// EnrichConfig says how records are completed with what their sender did not say.
type EnrichConfig struct {
	ASNFiles      []string `yaml:"asn_files"` // MMDB files, address → ASN; read again when they change
	ISPFile       string   `yaml:"isp_file"`  // lines "ASN,name"; empty: the shipped table
	Paths         Paths    `yaml:"paths"`
	FullAddresses bool     `yaml:"full_addresses"` // keep clients' addresses whole instead of their /24 or /48
}

// Check says what is wrong with the configuration, the files it names apart from asn_files.
func (c *EnrichConfig) Check() error {
	_, err := c.ISPTable()
	if _, pathsErr := c.Paths.compile(); pathsErr != nil {
		err = errors.Join(err, fmt.Errorf("enrich.%w", pathsErr))
	}
	return err
}

// ISPTable is the configured table.
func (c *EnrichConfig) ISPTable() (*ISPs, error) {
	if c.ISPFile == "" {
		return ShippedISPs()
	}
	f, err := os.Open(c.ISPFile)
	if err != nil {
		return nil, fmt.Errorf("enrich.isp_file: %w", err)
	}
	defer f.Close()
	t, err := ReadISPs(f)
	if err != nil {
		return nil, fmt.Errorf("enrich.isp_file: %s: %w", c.ISPFile, err)
	}
	return t, nil
}

// enricher completes records. It belongs to one writer.
type enricher struct {
	isps     *ISPs
	asns     asnCache
	paths    *paths
	cdns     map[string][]byte // by id, name and alias, lower case
	channels map[string][]byte
	devices  map[string][]byte
	full     bool
}

func newEnricher(cfg EnrichConfig, isps *ISPs, asns *ASNs, cdns []CDN) (*enricher, error) {
	compiled, err := cfg.Paths.compile()
	if err != nil {
		return nil, fmt.Errorf("enrich.%w", err)
	}
	e := &enricher{
		isps: isps, asns: asnCache{asns: asns}, paths: compiled, full: cfg.FullAddresses,
		cdns: map[string][]byte{}, channels: map[string][]byte{}, devices: map[string][]byte{},
	}
	for _, c := range cdns {
		for _, name := range append([]string{c.ID, c.Name}, c.Aliases...) {
			e.cdns[string(bytes.ToLower([]byte(name)))] = []byte(c.ID)
		}
	}
	for _, c := range compiled.channels {
		e.channels[string(c.id)] = c.id
	}
	for _, d := range []string{"tv", "phone", "tablet", "desktop", "console", "stb"} {
		e.devices[d] = []byte(d)
	}
	return e, nil
}

// another is an enricher with the same tables, for another writer.
func (e *enricher) another() *enricher {
	other := *e
	other.asns = asnCache{asns: e.asns.asns}
	return &other
}

// Times that a record may tell, around when it was received. Beyond them a clock is wrong, not
// late: such rows would pull every chart out of shape.
const (
	maxAhead = 10 * time.Minute
	maxAge   = 400 * 24 * time.Hour
)

const (
	reasonNoTime    = "time: missing"
	reasonAhead     = "time: more than 10 minutes ahead of the collector's clock"
	reasonOld       = "time: more than 400 days before it was received"
	reasonNoSession = "session: missing"
)

// implausible says why a record's time cannot be right; "": it can. Old data may be of any age.
func implausible(t, received time.Time, backfill bool) string {
	switch {
	case t.IsZero():
		return reasonNoTime
	case t.Sub(received) > maxAhead:
		return reasonAhead
	case received.Sub(t) > maxAge && !backfill:
		return reasonOld
	}
	return ""
}

func (e *enricher) request(r *event.Request, s *seen) {
	s.asn = r.ASN
	if s.asn == 0 && r.Client.IsValid() {
		s.asn = e.asns.lookup(r.Client)
	}
	s.isp = e.isps.name(s.asn)
	s.client = r.Client
	if !e.full && r.Client.IsValid() {
		s.client = network(r.Client)
	}
	s.channel = e.paths.channel(r.Host, r.Path)
	s.class = e.paths.class(r.Path)
}

// beacon completes a beacon. Its labels must be known ones, for a viewer could otherwise invent a
// column of the board.
func (e *enricher) beacon(b *event.Beacon, s *seen) (device []byte) {
	s.asn = b.ASN
	if s.asn == 0 && b.Client.IsValid() {
		s.asn = e.asns.lookup(b.Client)
	}
	s.isp = e.isps.name(s.asn)
	s.client = b.Client
	if !e.full && b.Client.IsValid() {
		s.client = network(b.Client)
	}
	s.cdn = known(e.cdns, b.CDN)
	s.channel = known(e.channels, b.Channel)
	return known(e.devices, b.Device)
}

// known is the text's own form in a table whose keys are lower case: empty stays empty, what is
// not there is other.
func known(table map[string][]byte, text []byte) []byte {
	if len(text) == 0 {
		return nil
	}
	if v, ok := table[string(text)]; ok {
		return v
	}
	if v, ok := table[string(bytes.ToLower(text))]; ok {
		return v
	}
	return labelOther
}
