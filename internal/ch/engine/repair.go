//go:build linux

package engine

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// repairDeduplication makes the tables forget inserts that they recorded but did not keep.
//
// ClickHouse 26.5 writes a block's id to the table's deduplication log and then renames the block's
// part to its final name. A process killed between the two leaves an id without a part, and the
// insert's repeat, which was to bring the rows, is dropped as a duplicate: acknowledged, and lost.
// So before the engine starts, such ids get the record by which ClickHouse itself takes ids back
// (src/Storages/MergeTree/MergeTreeDeduplicationLog.cpp). Nothing else is touched; an id taken back
// in error, of a part that expired long ago, costs nothing unless that very insert is repeated.
func repairDeduplication(data string, log *slog.Logger) error {
	tables, err := filepath.Glob(filepath.Join(data, "store", "*", "*", "deduplication_logs"))
	if err != nil {
		return fmt.Errorf("look for deduplication logs: %w", err)
	}
	for _, logs := range tables {
		n, err := repairTable(logs)
		if err != nil {
			return fmt.Errorf("repair a deduplication log: %w", err)
		}
		if n > 0 {
			log.Warn("an insert that the last engine did not finish may be repeated", "table", filepath.Dir(logs), "blocks", n)
		}
	}
	return nil
}

// Records of a deduplication log: operation, part and block id, separated by tabs.
const (
	opAdd  = "1"
	opDrop = "2"
)

func repairTable(logs string) (int, error) {
	files, err := logFiles(logs)
	if err != nil || len(files) == 0 {
		return 0, err
	}
	parts, err := partsOf(filepath.Dir(logs))
	if err != nil {
		return 0, err
	}
	added := map[string]string{} // block id → part
	var last []byte
	for _, file := range files {
		if last, err = os.ReadFile(file); err != nil {
			return 0, err
		}
		for line := range bytes.Lines(last) {
			fields := strings.Split(strings.TrimSuffix(string(line), "\n"), "\t")
			switch {
			case len(fields) != 3 || !bytes.HasSuffix(line, []byte("\n")):
			case fields[0] == opAdd:
				added[fields[2]] = fields[1]
			case fields[0] == opDrop:
				delete(added, fields[2])
			}
		}
	}
	var repair bytes.Buffer
	blocks := 0
	for id, name := range added {
		part, ok := parsePart(name)
		if ok && !slices.ContainsFunc(parts, func(p blockRange) bool { return p.covers(part) }) {
			fmt.Fprintf(&repair, "%s\t%s\t%s\n", opDrop, name, id)
			blocks++
		}
	}
	// A record that the kill cut off would end ClickHouse's reading.
	whole := bytes.LastIndexByte(last, '\n') + 1
	if blocks == 0 && whole == len(last) {
		return 0, nil
	}
	f, err := os.OpenFile(files[len(files)-1], os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if err := f.Truncate(int64(whole)); err != nil {
		return 0, err
	}
	if _, err := f.WriteAt(repair.Bytes(), int64(whole)); err != nil {
		return 0, err
	}
	return blocks, f.Sync()
}

// logFiles are deduplication_log_N.txt in the order of their numbers.
func logFiles(folder string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "deduplication_log_*.txt"))
	if err != nil {
		return nil, err
	}
	number := func(file string) int {
		n, _ := strconv.Atoi(strings.TrimSuffix(file[strings.LastIndexByte(file, '_')+1:], ".txt"))
		return n
	}
	slices.SortFunc(files, func(a, b string) int { return cmp.Compare(number(a), number(b)) })
	return files, nil
}

// blockRange is what a part's name says: partition_min_max_level, and _mutation where one was applied.
type blockRange struct {
	partition string
	min, max  int64
}

func (p blockRange) covers(other blockRange) bool {
	return p.partition == other.partition && p.min <= other.min && other.max <= p.max
}

func parsePart(name string) (blockRange, bool) {
	fields := strings.Split(name, "_")
	if len(fields) != 4 && len(fields) != 5 {
		return blockRange{}, false
	}
	first, err1 := strconv.ParseInt(fields[1], 10, 64)
	last, err2 := strconv.ParseInt(fields[2], 10, 64)
	_, err3 := strconv.ParseInt(fields[3], 10, 64)
	return blockRange{fields[0], first, last}, err1 == nil && err2 == nil && err3 == nil
}

func partsOf(table string) ([]blockRange, error) {
	folders, err := os.ReadDir(table)
	if err != nil {
		return nil, err
	}
	var parts []blockRange
	for _, f := range folders {
		if p, ok := parsePart(f.Name()); ok && f.Type() == fs.ModeDir {
			parts = append(parts, p)
		}
	}
	return parts, nil
}
