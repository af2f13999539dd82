package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/commonwatt/commonwatt/strict"
	"github.com/commonwatt/commonwatt/web/api"
)

// checker holds what is sent to the schemas of openapi.yaml: nothing that is
// required is missing, nothing unknown is there.
type checker struct{ spec *openapi3.T }

func newChecker() (checker, error) {
	spec, err := api.GetSpec()
	if err != nil {
		return checker{}, fmt.Errorf("openapi.yaml: %w", err)
	}
	return checker{spec}, nil
}

// check reads one JSON value of a schema. Errors name the field.
func (c checker) check(schema string, b []byte) error {
	if duplicate := (*strict.DuplicateError)(nil); errors.As(strict.JSON(b), &duplicate) {
		return duplicate
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(&v); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("not JSON: more than one value")
	}
	err := c.spec.Components.Schemas[schema].Value.VisitJSON(v)
	if wrong := (*openapi3.SchemaError)(nil); errors.As(err, &wrong) {
		var path strings.Builder
		for _, part := range wrong.JSONPointer() {
			switch _, err := strconv.Atoi(part); {
			case err == nil:
				fmt.Fprintf(&path, "[%s]", part)
			case path.Len() > 0:
				path.WriteString("." + part)
			default:
				path.WriteString(part)
			}
		}
		if path.Len() > 0 {
			path.WriteString(": ")
		}
		return errors.New(path.String() + wrong.Reason)
	}
	return err
}

// mostFile is how large a file may be that is sent, in bytes.
const mostFile = 256 << 20

// file bounds the body of an operation that takes a file, which who reads it checks.
func file(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, mostFile)
		next.ServeHTTP(w, r)
	})
}

// bodies has every operation that takes a JSON body check it before next reads it.
func (c checker) bodies(mux *http.ServeMux, next http.Handler) {
	for path, item := range c.spec.Paths.Map() {
		for method, op := range item.Operations() {
			if op.RequestBody == nil {
				continue
			}
			asJSON := op.RequestBody.Value.Content.Get("application/json")
			if asJSON == nil {
				mux.Handle(method+" "+path, file(next))
				continue
			}
			schema := asJSON.Schema.Ref
			mux.Handle(method+" "+path, c.body(strings.TrimPrefix(schema, "#/components/schemas/"), next))
		}
	}
}

// body checks the body of a request before it is read.
func (c checker) body(schema string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostMessage))
		if err == nil {
			err = c.check(schema, b)
		}
		if err != nil {
			api.WriteProblem(w, http.StatusBadRequest, err.Error())
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(b))
		next.ServeHTTP(w, r)
	})
}
