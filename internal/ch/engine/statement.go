//go:build linux

package engine

import (
	"slices"
	"strings"
)

// statement is what a request asks, split so that its data can never be read as SQL.
type statement struct {
	sql    string // to be run; for an INSERT with data: up to where the data's format is named
	format string // a trailing FORMAT clause's, or "" for the request's default
	rows   bool   // a SELECT, whose result may be streamed
	reads  bool   // a SELECT or a question about what there is

	insert string // the data's format, for an INSERT with data; else ""
	data   int    // where in the text the data starts, for an INSERT with data
}

// split reads one statement. Of an INSERT with data it looks at nothing behind the format's name
// or the word VALUES: what follows is data, as it is for a server (src/Parsers/ParserInsertQuery.cpp).
func split(text []byte) (statement, error) {
	l := &lexer{text: text}
	first := l.next()
	switch {
	case first.kind == tokenEnd:
		return statement{}, raise(codeSyntaxError, "SYNTAX_ERROR", "Empty query")
	case l.is(first, "INSERT"):
		return splitInsert(l)
	}
	s := statement{rows: l.is(first, "SELECT") || l.is(first, "WITH") || l.byteIs(first, '(')}
	s.reads = s.rows || slices.ContainsFunc([]string{"SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN"}, func(w string) bool { return l.is(first, w) })
	var before, last token
	depth := 0
	for t := first; ; t = l.next() {
		switch {
		case t.kind == tokenBroken:
			s.sql = string(text) // the engine words the error
			return s, nil
		case t.kind == tokenEnd, l.byteIs(t, ';'):
			s.sql = string(text[:t.from])
			if !l.ends() {
				return s, raise(codeSyntaxError, "SYNTAX_ERROR", "Multi-statements are not allowed: failed at position %d", t.from+1)
			}
			if (l.is(first, "DROP") || l.is(first, "DETACH")) && (l.is(last, "SYNC") || l.is(before, "NO") && l.is(last, "DELAY")) {
				return s, raise(codeNotImplemented, "NOT_IMPLEMENTED", "SYNC would wait for ever, as the embedded engine deletes dropped tables when it starts: leave it out")
			}
			return s, nil
		case l.byteIs(t, '('), l.byteIs(t, '['):
			depth++
		case l.byteIs(t, ')'), l.byteIs(t, ']'):
			depth--
		}
		if depth == 0 && l.is(last, "INTO") && l.is(t, "OUTFILE") {
			return s, raise(codeNotImplemented, "NOT_IMPLEMENTED", "INTO OUTFILE is for clickhouse-client")
		}
		// FORMAT is a clause where a name follows it and then the end or SETTINGS; a column may
		// be called format, and then a direction can follow.
		if l.is(before, "FORMAT") && last.kind == tokenWord && !l.is(last, "ASC") && !l.is(last, "DESC") && l.is(t, "SETTINGS") {
			s.format = string(text[last.from:last.to])
		}
		if depth == 0 && l.is(last, "FORMAT") && t.kind == tokenWord && !l.is(t, "ASC") && !l.is(t, "DESC") && l.ends() {
			s.format = string(text[t.from:t.to])
		}
		before, last = last, t
	}
}

// ends reports whether nothing but space, comments and semicolons is left.
func (l *lexer) ends() bool {
	ahead := *l
	t := ahead.next()
	for ahead.byteIs(t, ';') {
		t = ahead.next()
	}
	return t.kind == tokenEnd
}

func splitInsert(l *lexer) (statement, error) {
	depth := 0
	for previous, t := (token{}), l.next(); ; previous, t = t, l.next() {
		switch {
		case t.kind == tokenBroken, l.byteIs(t, '$'):
			// A quote that is open here could be closed by the data.
			return statement{}, raise(codeSyntaxError, "SYNTAX_ERROR", "Syntax error: failed at position %d: a quote or comment has no end", t.from+1)
		case t.kind == tokenEnd:
			return statement{sql: string(l.text)}, nil // the engine words the error
		case l.byteIs(t, ';'):
			return splitInsertSelect(l)
		case l.byteIs(t, '('):
			depth++
		case l.byteIs(t, ')'):
			depth--
		case depth > 0, previous.kind == 0, l.byteIs(previous, '.'), l.is(previous, "INTO"), l.is(previous, "TABLE"):
			// inside a column list, or a name
		case l.is(t, "SELECT"), l.is(t, "WITH"), l.is(t, "EXPLAIN"):
			return splitInsertSelect(l)
		case l.is(t, "INFILE") && l.is(previous, "FROM"):
			return statement{}, raise(codeNotImplemented, "NOT_IMPLEMENTED", "FROM INFILE is for clickhouse-client")
		case l.is(t, "VALUES"):
			return statement{sql: string(l.text[:t.from]), insert: "Values", data: t.to}, nil
		case l.is(t, "FORMAT"):
			name := l.next()
			if name.kind != tokenWord {
				return statement{sql: string(l.text)}, nil // the engine words the error
			}
			format := string(l.text[name.from:name.to])
			if strings.EqualFold(format, "VALUES") {
				format = "Values"
			}
			return statement{sql: string(l.text[:t.from]), insert: format, data: dataStart(l.text, name.to)}, nil
		}
	}
}

// splitInsertSelect is for an INSERT that brings no data of its own.
func splitInsertSelect(l *lexer) (statement, error) {
	l.at = 0
	for t := l.next(); t.kind != tokenEnd && t.kind != tokenBroken; t = l.next() {
		if l.byteIs(t, ';') {
			if !l.ends() {
				return statement{}, raise(codeSyntaxError, "SYNTAX_ERROR", "Multi-statements are not allowed: failed at position %d", t.from+1)
			}
			return statement{sql: string(l.text[:t.from])}, nil
		}
	}
	return statement{sql: string(l.text)}, nil
}

// dataStart passes over what separates a format's name from the data: blanks, and one line end.
func dataStart(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\t' || text[at] == '\f') {
		at++
	}
	if at < len(text) && text[at] == '\r' {
		at++
	}
	if at < len(text) && text[at] == '\n' {
		at++
	}
	return at
}

// from is the statement that reads an INSERT's data from a file instead.
func (s statement) from(path string) string {
	return s.sql + " SELECT * FROM file('" + path + "', '" + s.insert + "')"
}

// unframed reports whether parts of a result in this format, one after the other, are a result:
// the library writes every part as a whole, with headers and footers where a format has them.
func unframed(format string) bool {
	return slices.Contains([]string{"Native", "TabSeparated", "TSV", "TabSeparatedRaw", "TSVRaw", "CSV", "JSONEachRow",
		"JSONLines", "NDJSON", "JSONCompactEachRow", "RowBinary", "LineAsString", "Null"}, format)
}
