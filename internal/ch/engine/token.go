//go:build linux

package engine

import (
	"bytes"
	"strings"
)

// tokenKind tells apart what the front needs of ClickHouse's lexical grammar (src/Parsers/Lexer.cpp).
type tokenKind uint8

const (
	tokenEnd    tokenKind = iota
	tokenWord             // a bare word or a number
	tokenQuoted           // 'string', "identifier", `identifier`, $tag$heredoc$tag$
	tokenOther            // one byte of punctuation
	tokenBroken           // a quote or comment that never ends: nothing after it can be told apart
)

type token struct {
	kind     tokenKind
	from, to int // its bytes in the text
}

// lexer reads tokens from at on, passing over space and comments.
type lexer struct {
	text []byte
	at   int
}

func (l *lexer) next() token {
	if !l.skipSpace() {
		return token{tokenBroken, l.at, len(l.text)}
	}
	from := l.at
	if from == len(l.text) {
		return token{tokenEnd, from, from}
	}
	kind := tokenOther
	switch c := l.text[from]; {
	case c == '\'' || c == '"' || c == '`':
		kind = l.quoted(c)
	case c == '$':
		kind = l.heredoc()
	case isWord(c):
		kind = tokenWord
		for l.at < len(l.text) && (isWord(l.text[l.at]) || l.text[l.at] == '$') {
			l.at++
		}
	default:
		l.at++
	}
	return token{kind, from, l.at}
}

// skipSpace reports false where a comment never ends.
func (l *lexer) skipSpace() bool {
	for l.at < len(l.text) {
		rest := l.text[l.at:]
		switch {
		case isSpace(rest[0]):
			l.at++
		case bytes.HasPrefix(rest, []byte("--")), bytes.HasPrefix(rest, []byte("# ")), bytes.HasPrefix(rest, []byte("#!")):
			end := bytes.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest) - 1
			}
			l.at += end + 1
		case bytes.HasPrefix(rest, []byte("/*")):
			end := bytes.Index(rest[2:], []byte("*/"))
			if end < 0 {
				return false
			}
			l.at += 2 + end + 2
		default:
			return true
		}
	}
	return true
}

func (l *lexer) quoted(quote byte) tokenKind {
	for l.at++; l.at < len(l.text); l.at++ {
		switch l.text[l.at] {
		case '\\':
			l.at++
		case quote:
			if l.at+1 < len(l.text) && l.text[l.at+1] == quote {
				l.at++ // doubled: itself
				continue
			}
			l.at++
			return tokenQuoted
		}
	}
	l.at = len(l.text)
	return tokenBroken
}

// heredoc reads $tag$ … $tag$; a '$' that opens none is a byte of its own.
func (l *lexer) heredoc() tokenKind {
	rest := l.text[l.at:]
	end := bytes.IndexByte(rest[1:], '$')
	if end < 0 || bytes.ContainsFunc(rest[1:1+end], func(r rune) bool { return r >= 0x80 || !isWord(byte(r)) }) {
		l.at++
		return tokenOther
	}
	tag := rest[:end+2]
	body := bytes.Index(rest[len(tag):], tag)
	if body < 0 {
		l.at++
		return tokenOther
	}
	l.at += len(tag) + body + len(tag)
	return tokenQuoted
}

func (l *lexer) is(t token, keyword string) bool {
	return t.kind == tokenWord && strings.EqualFold(string(l.text[t.from:t.to]), keyword)
}

func (l *lexer) byteIs(t token, c byte) bool {
	return t.kind == tokenOther && l.text[t.from] == c
}

func isSpace(c byte) bool {
	return c == ' ' || '\t' <= c && c <= '\r'
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
