package official

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// element is one of an XML file on the way down to where the reader is.
type element struct {
	name  string // without its namespace
	attrs []xml.Attr
	text  strings.Builder
	line  int
}

func (e *element) attr(name string) string {
	for _, a := range e.attrs {
		if a.Name.Local == name {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}

// walker is told of the elements of an XML file: each when it begins, and with its text when
// it ends. path are the elements that lead to it, itself the last.
type walker struct {
	begin func(path []*element)
	end   func(path []*element, text string)
}

// mostDepth bounds how deep elements are nested.
const mostDepth = 64

// walk reads an XML file. A document type is refused, for it could have entities that stand
// for something else.
func (w walker) walk(text []byte) error {
	dec := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	dec.CharsetReader = latin
	var path []*element
	for {
		token, err := dec.Token()
		line, _ := dec.InputPos()
		switch {
		case errors.Is(err, io.EOF) && len(path) == 0:
			return nil
		case err != nil:
			return fmt.Errorf("line %d: is no XML: %w", line, err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return fmt.Errorf("line %d: has a document type (<!%.20s…), which is refused", line, t)
		case xml.StartElement:
			if len(path) == mostDepth {
				return fmt.Errorf("line %d: elements are nested deeper than %d", line, mostDepth)
			}
			path = append(path, &element{name: t.Name.Local, attrs: t.Attr, line: line})
			w.begin(path)
		case xml.CharData:
			if len(path) > 0 {
				path[len(path)-1].text.Write(t)
			}
		case xml.EndElement:
			e := path[len(path)-1]
			w.end(path, strings.TrimSpace(e.text.String()))
			path = path[:len(path)-1]
		}
	}
}

// latin reads ISO 8859-1 and plain ASCII, in which some systems write.
func latin(charset string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(charset) {
	case "iso-8859-1", "us-ascii", "latin1":
	default:
		return nil, fmt.Errorf("encoding %q is not read: send it as UTF-8", charset)
	}
	all, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	runes := make([]rune, len(all))
	for k, b := range all {
		runes[k] = rune(b)
	}
	return strings.NewReader(string(runes)), nil
}

// within returns the nearest element of that name on the way, nil when there is none.
func within(path []*element, name string) *element {
	for _, e := range slices.Backward(path) {
		if e.name == name {
			return e
		}
	}
	return nil
}
