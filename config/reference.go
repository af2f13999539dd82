package config

import (
	"reflect"
	"strings"
	"unicode/utf8"
)

// Reference lists the fields of a community's file with an example of each, as YAML. It
// is made from the fields themselves.
func Reference() string {
	var r reference
	r.fields(reflect.TypeFor[Config](), "")
	return r.String()
}

type reference struct{ strings.Builder }

// Columns of the reference.
const (
	commentAt = 34
	widest    = 110
)

// fields writes the fields of a struct. The first line of an element of a list begins
// with a dash, which the indent of the others makes room for.
func (r *reference) fields(t reflect.Type, indent string) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			r.fields(f.Type, indent)
		case name != "" && name != "-":
			r.field(name, f, indent)
		}
		if before, first := strings.CutSuffix(indent, "- "); first {
			indent = before + "  "
		}
	}
}

func (r *reference) field(name string, f reflect.StructField, indent string) {
	eg, doc := f.Tag.Get("eg"), f.Tag.Get("doc")
	if eg != "" {
		r.line(indent+name+": "+eg, doc)
		return
	}
	r.line(indent+name+":", doc)
	under := strings.ReplaceAll(indent, "-", " ") + "  "
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Map {
		r.line(under+f.Tag.Get("key")+":", "")
		t, under = t.Elem(), under+"  "
	}
	if t.Kind() == reflect.Slice {
		t, under = t.Elem(), under+"- "
	}
	r.fields(t, under)
}

// line writes a field, and what there is to say of it beside it, in as many lines as
// that takes.
func (r *reference) line(field, doc string) {
	r.WriteString("  " + field)
	at := utf8.RuneCountInString(field) + 2
	words := strings.Fields(doc)
	for len(words) > 0 {
		r.WriteString(strings.Repeat(" ", max(commentAt-at, 1)) + "#")
		at = max(commentAt, at+1) + 1
		for n := 0; len(words) > 0 && (n == 0 || at+1+utf8.RuneCountInString(words[0]) <= widest); n++ {
			r.WriteString(" " + words[0])
			at += 1 + utf8.RuneCountInString(words[0])
			words = words[1:]
		}
		if len(words) > 0 {
			r.WriteString("\n")
			at = 0
		}
	}
	r.WriteString("\n")
}
