package ingest

import (
	"bytes"
	"fmt"
	"strings"
)

// Paths says what a request was for, by patterns on its path.
type Paths struct {
	Channels []ChannelPaths `yaml:"channels"` // the first that matches wins; none: no channel
	Classes  []ClassPaths   `yaml:"classes"`  // tried before the file's ending; see Class
}

// ChannelPaths are the paths of one channel. In a pattern * stands for any bytes, also none;
// what has a * nowhere must match whole.
type ChannelPaths struct {
	ID    string   `yaml:"id"`
	Hosts []string `yaml:"hosts"` // empty: any
	Paths []string `yaml:"paths"` // empty: any
}

// ClassPaths are the paths of one class.
type ClassPaths struct {
	Class string   `yaml:"class"`
	Paths []string `yaml:"paths"`
}

// Class is what kind of file a path names.
type Class uint8

const (
	ClassOther Class = iota
	ClassManifest
	ClassInit
	ClassSegment
	ClassKey
	ClassAPI
)

var classes = [...]string{"other", "manifest", "init", "segment", "key", "api"}

func (c Class) String() string { return classes[c] }

// paths are Paths made ready for use.
type paths struct {
	channels []channelPattern
	classes  []classPattern
}

type channelPattern struct {
	id           []byte
	hosts, paths []pattern
}

type classPattern struct {
	class Class
	paths []pattern
}

const maxChannels = 200

func (p Paths) compile() (*paths, error) {
	if len(p.Channels) > maxChannels {
		return nil, fmt.Errorf("paths.channels: %d are more than the %d allowed", len(p.Channels), maxChannels)
	}
	out := &paths{}
	for i, c := range p.Channels {
		if c.ID == "" {
			return nil, fmt.Errorf("paths.channels[%d].id: is missing", i)
		}
		if len(c.Hosts)+len(c.Paths) == 0 {
			return nil, fmt.Errorf("paths.channels[%d] (%s): give hosts or paths", i, c.ID)
		}
		out.channels = append(out.channels, channelPattern{[]byte(c.ID), patterns(c.Hosts), patterns(c.Paths)})
	}
next:
	for i, c := range p.Classes {
		for class, name := range classes {
			if name == c.Class {
				out.classes = append(out.classes, classPattern{Class(class), patterns(c.Paths)})
				continue next
			}
		}
		return nil, fmt.Errorf("paths.classes[%d].class: %q is none of %s", i, c.Class, strings.Join(classes[:], ", "))
	}
	return out, nil
}

// channel is the id of the channel that a request belongs to; nil: none.
func (p *paths) channel(host, path []byte) []byte {
	for i := range p.channels {
		c := &p.channels[i]
		if (len(c.hosts) == 0 || anyMatch(c.hosts, host)) && (len(c.paths) == 0 || anyMatch(c.paths, path)) {
			return c.id
		}
	}
	return nil
}

// class is what a path names: by the configured patterns, else by the file's name and ending as
// HLS, DASH and CMAF packagers write them.
func (p *paths) class(path []byte) Class {
	for i := range p.classes {
		if anyMatch(p.classes[i].paths, path) {
			return p.classes[i].class
		}
	}
	if bytes.HasPrefix(path, []byte("/api/")) {
		return ClassAPI
	}
	name := path[bytes.LastIndexByte(path, '/')+1:]
	dot := bytes.LastIndexByte(name, '.')
	if dot < 0 {
		return ClassOther
	}
	switch string(name[dot+1:]) {
	case "m3u8", "mpd":
		return ClassManifest
	case "key":
		return ClassKey
	case "ts", "m4s", "mp4", "m4v", "m4a", "cmfv", "cmfa", "cmft", "aac", "ac3", "ec3", "webm", "vtt":
		if bytes.HasPrefix(name, []byte("init")) || bytes.Contains(name, []byte("_init")) || bytes.Contains(name, []byte("-init")) {
			return ClassInit
		}
		return ClassSegment
	}
	return ClassOther
}

// pattern is a text with * for any bytes, cut at its stars.
type pattern struct{ parts [][]byte }

func patterns(texts []string) []pattern {
	out := make([]pattern, len(texts))
	for i, t := range texts {
		out[i].parts = bytes.Split([]byte(t), []byte("*"))
	}
	return out
}

func anyMatch(patterns []pattern, text []byte) bool {
	for i := range patterns {
		if patterns[i].match(text) {
			return true
		}
	}
	return false
}

func (p pattern) match(text []byte) bool {
	first, last := p.parts[0], p.parts[len(p.parts)-1]
	if !bytes.HasPrefix(text, first) {
		return false
	}
	if len(p.parts) == 1 {
		return len(text) == len(first)
	}
	text = text[len(first):]
	for _, part := range p.parts[1 : len(p.parts)-1] {
		at := bytes.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return bytes.HasSuffix(text, last) && len(text) >= len(last)
}
