package statuspage

import (
	"regexp"
	"strings"
)

// run is a part of a line: words, or a link.
type run struct{ Text, URL string }

var link = regexp.MustCompile(`https?://[^\s<>"'«»]+`)

// paragraphs are a text as it is shown: paragraphs of lines of runs. Empty lines part paragraphs.
func paragraphs(text string) [][][]run {
	var all [][][]run
	var lines [][]run
	for line := range strings.SplitSeq(text+"\n\n", "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line != "":
			lines = append(lines, runs(line))
		case len(lines) > 0:
			all, lines = append(all, lines), nil
		}
	}
	return all
}

// runs finds links. The stop at the end of a sentence is none of a link's.
func runs(line string) []run {
	var all []run
	at := 0
	for _, found := range link.FindAllStringIndex(line, -1) {
		from, to := found[0], found[1]
		to = from + len(strings.TrimRight(line[from:to], ".,;:!?…"))
		if strings.HasSuffix(line[from:to], ")") && !strings.Contains(line[from:to], "(") {
			to--
		}
		if !webURL(line[from:to]) {
			continue
		}
		if from > at {
			all = append(all, run{Text: line[at:from]})
		}
		all = append(all, run{Text: line[from:to], URL: line[from:to]})
		at = to
	}
	if at < len(line) {
		all = append(all, run{Text: line[at:]})
	}
	return all
}
