package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"vigie/internal/match"
)

// readFile reads one of a team's files, strictly, and tells where its keys are: file, line and column.
func readFile[T any](path string) (*T, func(key string) string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, nil, err
	}
	return readText[T](path, text)
}

// readText is readFile of a file's text.
func readText[T any](path string, text []byte) (*T, func(key string) string, error) {
	if len(text) > maxFile {
		return nil, nil, fmt.Errorf("the file is larger than %d bytes: is it the right one?", maxFile)
	}
	if err := plain(string(text)); err != nil {
		return nil, nil, err
	}
	v := new(T)
	if err := yaml.UnmarshalWithOptions(text, v, yaml.Strict()); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, errors.New(yaml.FormatError(err, false, true))
	}
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, nil, errors.New(yaml.FormatError(err, false, true))
	}
	return v, func(key string) string {
		if line, column, ok := place(tree, key); ok {
			return fmt.Sprintf("%s [%d:%d]", path, line, column)
		}
		return path
	}, nil
}

// place is where a key's value is in a file, or what the key would stand in.
func place(tree *ast.File, key string) (line, column int, ok bool) {
	for key != "" {
		if path, err := yaml.PathString("$." + key); err == nil {
			if node, err := path.FilterFile(tree); err == nil && node != nil && node.GetToken() != nil && node.GetToken().Position != nil {
				at := begin(node).Position
				return at.Line, at.Column, true
			}
		}
		key = strings.TrimRight(key[:max(strings.LastIndexAny(key, ".["), 0)], ".[")
	}
	return 0, 0, false
}

// begin is a node's first token: a mapping's own one is the colon of its first key.
func begin(node ast.Node) *token.Token {
	switch n := node.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return node.GetToken()
}

// placed gives what is wrong with one thing its place in the file that it was read from; what it is, where it was read
// from none (at is nil) or the error is no match.Problem.
func placed(at func(key string) string, what string, err error) (errs []error) {
	for _, err := range joined(err) {
		problem, ok := errors.AsType[*match.Problem](err)
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		case at == nil:
			errs = append(errs, fmt.Errorf("%s %w", what, problem))
		default:
			errs = append(errs, fmt.Errorf("%s %w", at(problem.Key), problem))
		}
	}
	return errs
}

// joined are the errors that one is made of.
func joined(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	if err != nil {
		return []error{err}
	}
	return nil
}
