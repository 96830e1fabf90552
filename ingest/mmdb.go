package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// ASNs finds the autonomous system of an address in MMDB files: GeoLite2-ASN and those with its
// field names, or IPinfo's with its "AS…" text. Files are read again when they change, so that a
// nightly update needs no restart; one that cannot be read is complained about and the last good
// one stays.
type ASNs struct {
	files []string
	log   *slog.Logger
	open  atomic.Pointer[asnFiles]
}

type asnFiles struct {
	readers []*maxminddb.Reader
	stamps  []string
}

// reloadEvery is how often files are looked at.
const reloadEvery = 10 * time.Second

// OpenASNs reads the files; IPv4 and IPv6 may be in separate ones. No file is fine: nothing is
// found then.
func OpenASNs(files []string, log *slog.Logger) (*ASNs, error) {
	a := &ASNs{files: files, log: log}
	opened, err := a.load()
	if err != nil {
		return nil, err
	}
	a.open.Store(opened)
	return a, nil
}

func (a *ASNs) load() (*asnFiles, error) {
	out := &asnFiles{}
	for _, file := range a.files {
		data, err := os.ReadFile(file) // whole, so that a file replaced in place cannot change under a reader
		if err != nil {
			return nil, fmt.Errorf("enrich.asn_files: %w", err)
		}
		r, err := maxminddb.OpenBytes(data)
		if err != nil {
			return nil, fmt.Errorf("enrich.asn_files: %s is not an MMDB file: %w", file, err)
		}
		out.readers = append(out.readers, r)
		out.stamps = append(out.stamps, stamp(file))
	}
	return out, nil
}

func stamp(file string) string {
	info, err := os.Stat(file)
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.Size(), info.ModTime().UnixNano())
}

// Run watches the files until ctx ends.
func (a *ASNs) Run(ctx context.Context) error {
	if len(a.files) == 0 {
		return nil
	}
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		changed := false
		for i, file := range a.files {
			changed = changed || stamp(file) != a.open.Load().stamps[i]
		}
		if !changed {
			continue
		}
		opened, err := a.load()
		if err != nil {
			a.log.Error("networks stay as they were read before", "error", err)
			continue
		}
		a.open.Store(opened)
		a.log.Info("networks read again", "files", a.files)
	}
}

// lookup is the number of the system that announces an address, 0 when not found.
func (f *asnFiles) lookup(addr netip.Addr) uint32 {
	for _, r := range f.readers {
		found := r.Lookup(addr)
		if !found.Found() {
			continue
		}
		var number uint32
		if found.DecodePath(&number, "autonomous_system_number") == nil && number != 0 {
			return number
		}
		var text string
		if found.DecodePath(&text, "asn") == nil {
			if n, err := strconv.ParseUint(strings.TrimPrefix(text, "AS"), 10, 32); err == nil {
				return uint32(n)
			}
		}
	}
	return 0
}

// asnCache remembers what the networks of recent clients were found to be. It belongs to one
// writer. It is keyed by the /24 or /48 that is the smallest announced to the internet.
type asnCache struct {
	asns  *ASNs
	files *asnFiles
	seen  map[netip.Addr]uint32
}

const maxSeen = 200_000

func (c *asnCache) lookup(client netip.Addr) uint32 {
	if files := c.asns.open.Load(); files != c.files || len(c.seen) >= maxSeen {
		c.files, c.seen = files, make(map[netip.Addr]uint32, len(c.seen))
	}
	if len(c.files.readers) == 0 {
		return 0
	}
	key := network(client)
	asn, ok := c.seen[key]
	if !ok {
		asn = c.files.lookup(client)
		c.seen[key] = asn
	}
	return asn
}
