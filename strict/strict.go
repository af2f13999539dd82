// Package strict refuses JSON of which two readers could make two things: a field that is
// given twice, of which one reader takes the first and another the last, and more than one
// value. All JSON that comes from outside passes it before it is read. Decode reads what people
// write by hand. It is pure.
package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// mostDepth bounds how deep a value may be nested, so that nobody makes a reader run out of
// stack.
const mostDepth = 1000

// DuplicateError reports a field that a JSON object has twice.
type DuplicateError struct {
	Path   string // of the field
	Offset int64  // of the end of its second name
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("%s: is given twice; give each field once", e.Path)
}

// JSON checks that b is one JSON value of which no object has a field twice. Errors:
// *DuplicateError, *json.SyntaxError, io.ErrUnexpectedEOF.
func JSON(b []byte) error {
	r := reader{json.NewDecoder(bytes.NewReader(b))}
	r.UseNumber()
	if err := r.value(nil); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	if _, err := r.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one JSON value")
	}
	return nil
}

// reader reads a JSON value token by token.
type reader struct{ *json.Decoder }

// value reads one value. path are the names that lead to it.
func (r reader) value(path []string) error {
	if len(path) > mostDepth {
		return fmt.Errorf("a value is nested deeper than %d", mostDepth)
	}
	token, err := r.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		return r.object(path)
	case json.Delim('['):
		for i := 0; r.More(); i++ {
			if err := r.value(append(path, fmt.Sprintf("[%d]", i))); err != nil {
				return err
			}
		}
		_, err = r.Token()
	}
	return err
}

// object reads what follows the brace that opens an object.
func (r reader) object(path []string) error {
	seen := map[string]bool{}
	for r.More() {
		token, err := r.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string) // the decoder lets nothing else stand there
		here := append(path, "."+name)
		if seen[name] {
			return &DuplicateError{Path: strings.TrimPrefix(strings.Join(here, ""), "."), Offset: r.InputOffset()}
		}
		seen[name] = true
		if err := r.value(here); err != nil {
			return err
		}
	}
	_, err := r.Token()
	return err
}
