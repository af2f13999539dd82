package auth

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/commonwatt/commonwatt/web/api"
)

// Guard returns a handler that passes a request on when its operation is open, or
// when its key gives one of the roles that the operation's security names. What else
// is asked below a path of which every operation needs the same role needs it too:
// who has no key learns nothing of what is there.
func Guard(spec *openapi3.T, keys Keys, next http.Handler) (http.Handler, error) {
	operations, around := http.NewServeMux(), http.NewServeMux()
	places := map[string][]need{} // of the operations at a path, or below it
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			n, err := needOf(spec, op)
			if err != nil {
				return nil, fmt.Errorf("openapi.yaml: %s %s: %w", method, path, err)
			}
			operations.Handle(method+" "+path, n.demand(keys, next))
			for place := path; place != "/"; place = above(place) {
				places[place] = append(places[place], n)
			}
		}
	}
	for place, needs := range places {
		if same := needs[0]; !same.open() && !slices.ContainsFunc(needs, func(n need) bool { return !slices.Equal(n.roles, same.roles) }) {
			around.Handle(place, same.demand(keys, next))
		}
	}
	around.Handle("/", next)
	operations.Handle("/", around)
	return operations, nil
}

// above returns the folder in which a path is, with a slash at its end.
func above(path string) string {
	path = strings.TrimSuffix(path, "/")
	return path[:strings.LastIndex(path, "/")+1]
}

// need is what an operation asks of who calls it: one of the roles, none when it is
// open.
type need struct {
	roles []Role
	text  string // says what to send
}

func (n need) open() bool { return len(n.roles) == 0 }

// needOf reads the security of an operation: a list of which one is enough.
func needOf(spec *openapi3.T, op *openapi3.Operation) (need, error) {
	security := spec.Security
	if op.Security != nil {
		security = *op.Security
	}
	var n need
	var texts []string
	for _, one := range security {
		if len(one) != 1 {
			return need{}, fmt.Errorf("each of its security has to be one scheme, not %d", len(one))
		}
		for scheme := range one {
			text, err := keyOf(Role(scheme))
			if err != nil {
				return need{}, err
			}
			n.roles, texts = append(n.roles, Role(scheme)), append(texts, text)
		}
	}
	n.text = strings.Join(texts, ", or ")
	return n, nil
}

// demand passes on what the need is met of.
func (n need) demand(keys Keys, next http.Handler) http.Handler {
	if n.open() {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, sent := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		p, known := keys.find(key, n.roles)
		if !sent || !known {
			w.Header().Set("WWW-Authenticate", "Bearer")
			api.WriteProblem(w, http.StatusUnauthorized, n.text)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), principalKey{}, p)))
	})
}
