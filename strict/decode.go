package strict

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
)

// Decode reads one JSON value into v, which points to a struct. Unknown fields are errors, and so
// is one with the tag `required` that is missing. Errors name the path of the field, or the
// line and column.
func Decode(b []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	var tree any
	if duplicate := (*DuplicateError)(nil); errors.As(JSON(b), &duplicate) {
		return fmt.Errorf("%s: %w", position(b, duplicate.Offset), duplicate)
	}
	if err := dec.Decode(&tree); err != nil {
		syntax := (*json.SyntaxError)(nil)
		if errors.As(err, &syntax) {
			return fmt.Errorf("%s: %w", position(b, syntax.Offset), err)
		}
		return fmt.Errorf("%s: the JSON ends early: %w", position(b, int64(len(b))), err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: more than one JSON value", position(b, dec.InputOffset()))
	}
	if err := fits(tree, reflect.TypeOf(v).Elem(), ""); err != nil {
		return err
	}
	err := json.Unmarshal(b, v)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return fmt.Errorf("%s: %s: a %s is not what belongs there", position(b, wrong.Offset), wrong.Field, wrong.Value)
	}
	return err
}

// position is line and column, from 1, of an offset.
func position(b []byte, offset int64) string {
	before := b[:min(max(offset, 0), int64(len(b)))]
	line := bytes.Count(before, []byte("\n")) + 1
	return fmt.Sprintf("line %d, column %d", line, len(before)-(bytes.LastIndexByte(before, '\n')+1)+1)
}

// fits checks that a JSON value has no field that the type does not have, that
// fields with the tag `required` are there, and that texts can be read.
func fits(tree any, t reflect.Type, path string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[grid.Interval]() {
		t = reflect.TypeFor[struct {
			Start   time.Time `json:"start" required:""`
			Minutes int       `json:"minutes" required:""`
		}]()
	}
	switch x := tree.(type) {
	case string:
		if text, ok := reflect.New(t).Interface().(encoding.TextUnmarshaler); ok {
			if err := text.UnmarshalText([]byte(x)); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
	case []any:
		if t.Kind() != reflect.Slice {
			return nil
		}
		for i, v := range x {
			if err := fits(v, t.Elem(), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		if t.Kind() == reflect.Struct {
			return fieldsFit(x, t, path)
		}
	}
	return nil
}

func fieldsFit(fields map[string]any, t reflect.Type, path string) error {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		here := strings.TrimPrefix(path+"."+name, ".")
		field, known := fieldOf(t, name)
		if !known {
			return fmt.Errorf("%s: unknown field", here)
		}
		if err := fits(fields[name], field, here); err != nil {
			return err
		}
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if _, required := f.Tag.Lookup("required"); required && fields[name] == nil {
			return fmt.Errorf("%s: missing", strings.TrimPrefix(path+"."+name, "."))
		}
	}
	return nil
}

// fieldOf returns the type of the field that JSON calls by the name.
func fieldOf(t reflect.Type, name string) (reflect.Type, bool) {
	for f := range t.Fields() {
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name {
			return f.Type, true
		}
	}
	return nil, false
}
