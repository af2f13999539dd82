package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Strictly finds what the YAML library passes over in silence when it reads a text into a value: a
// second document, and a fraction where a whole number belongs, which it would cut off. The error
// names the line, and the path of the field.
func Strictly(text []byte, into any) error {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var root, second yaml.Node
	if err := dec.Decode(&root); err != nil {
		return nil //nolint:nilerr // the decoder itself says what is wrong
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return fmt.Errorf("line %d: a second document begins here, which nothing would read: leave out what follows ---", max(second.Line, 1))
	}
	return whole(&root, reflect.TypeOf(into), "")
}

// whole looks for numbers that are cut off below a node, which is read into a type.
func whole(n *yaml.Node, t reflect.Type, path string) error {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == nil || reflect.PointerTo(t).Implements(reflect.TypeFor[yaml.Unmarshaler]()):
		return nil
	case n.Kind == yaml.AliasNode:
		return whole(n.Alias, t, path)
	case n.Kind == yaml.DocumentNode:
		return whole(n.Content[0], t, path)
	case n.Kind == yaml.ScalarNode:
		if (reflect.Zero(t).CanInt() || reflect.Zero(t).CanUint()) && n.ShortTag() == "!!float" {
			return fmt.Errorf("line %d: %s: %s is not a whole number", n.Line, path, n.Value)
		}
	case n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for i, child := range n.Content {
			if err := whole(child, t.Elem(), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i].Value
			if err := whole(n.Content[i+1], below(t, name), strings.TrimPrefix(path+"."+name, ".")); err != nil {
				return err
			}
		}
	}
	return nil
}

// below returns the type that a field of a mapping is read into, nil where none is known.
func below(t reflect.Type, name string) reflect.Type {
	switch t.Kind() {
	case reflect.Map:
		return t.Elem()
	case reflect.Struct:
		for f := range t.Fields() {
			tag, rest, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			if rest == "inline" {
				if found := below(f.Type, name); found != nil {
					return found
				}
			} else if tag == name {
				return f.Type
			}
		}
	default:
	}
	return nil
}
