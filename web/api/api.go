// Package api has the types of openapi.yaml, generated: what the API is asked and
// what it answers, the messages of its WebSockets, and the operations that a server
// implements. The contract itself is in GetSpec.
package api

import (
	"encoding/json"
	"net/http"
)

//go:generate go tool oapi-codegen -config oapi-codegen.yaml ../openapi.yaml
//go:generate go tool oapi-codegen -config oapi-server.yaml ../openapi.yaml

// WriteProblem answers a request with what is wrong with it.
func WriteProblem(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(Problem{Error: text}) // the client is gone if this fails
}
