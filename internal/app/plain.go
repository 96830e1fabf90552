package app

import (
	"fmt"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// maxNesting is how deep lists and mappings may stand in each other on a line; a configuration needs four.
const maxNesting = 20

// plain refuses what a configuration does not need and a few lines of which can keep the YAML
// decoder busy for ever: aliases of aliases, nesting without end, and documents after the first,
// which nobody would read.
func plain(text string) error {
	nesting, dashes, begun := 0, 0, false
	for _, t := range lexer.Tokenize(text) {
		at := fmt.Sprintf("[%d:%d]", t.Position.Line, t.Position.Column)
		switch t.Type {
		case token.AnchorType, token.AliasType:
			return fmt.Errorf("%s anchors and aliases (& and *) are not supported: write the value out, or in quotes", at)
		case token.DocumentHeaderType:
			if begun {
				return fmt.Errorf("%s a second document begins: put everything into one", at)
			}
		case token.SequenceStartType, token.MappingStartType:
			if nesting++; nesting > maxNesting {
				return fmt.Errorf("%s more than %d brackets are open", at, maxNesting)
			}
		case token.SequenceEndType, token.MappingEndType:
			nesting--
		}
		if t.Type != token.SequenceEntryType {
			dashes = 0
		} else if dashes++; dashes > maxNesting {
			return fmt.Errorf("%s more than %d dashes follow each other", at, maxNesting)
		}
		begun = begun || t.Type != token.CommentType
	}
	return nil
}
