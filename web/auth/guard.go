package auth

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/commonwatt/commonwatt/web/api"
)

// Door is how requests come in.
type Door struct {
	Keys     Keys
	Sessions *Sessions // nil: there are none
	Closed   bool      // also who only looks needs a key or a session
}

// Guard returns a handler that passes a request on when its operation is open, or
// when its key gives one of the roles that the operation's security names. What else
// is asked below a path of which every operation needs the same role needs it too:
// who has no key learns nothing of what is there. Behind a closed door the same holds of
// everything below /api/ and of /metrics.
func (d Door) Guard(spec *openapi3.T, next http.Handler) (http.Handler, error) {
	operations, around := http.NewServeMux(), http.NewServeMux()
	places := map[string][]need{} // of the operations at a path, or below it
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			n, err := d.needOf(spec, op)
			if err != nil {
				return nil, fmt.Errorf("openapi.yaml: %s %s: %w", method, path, err)
			}
			operations.Handle(method+" "+path, d.demand(n, next))
			for place := path; place != "/"; place = above(place) {
				places[place] = append(places[place], n)
			}
		}
	}
	for place, needs := range places {
		if same := needs[0]; !same.open() && !slices.ContainsFunc(needs, func(n need) bool { return !slices.Equal(n.roles, same.roles) }) {
			around.Handle(place, d.demand(same, next))
			delete(places, place)
		}
	}
	if _, open := places["/api/"]; open {
		around.Handle("/api/", d.demand(d.looking(), next))
	}
	around.Handle("/metrics", d.demand(d.looking(), next))
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
	looks bool   // who calls it only looks: a session is enough
}

func (n need) open() bool { return len(n.roles) == 0 }

// looking is what an operation asks that changes nothing and names no role.
func (d Door) looking() need {
	if !d.Closed {
		return need{looks: true}
	}
	return need{roles: readers(), text: readersWanted, looks: true}
}

// needOf reads the security of an operation: a list of which one is enough.
func (d Door) needOf(spec *openapi3.T, op *openapi3.Operation) (need, error) {
	security := spec.Security
	if op.Security != nil {
		security = *op.Security
	} else if len(security) == 0 {
		return d.looking(), nil
	}
	var n need
	var texts []string
	for _, one := range security {
		if len(one) != 1 {
			return need{}, fmt.Errorf("each of its security has to be one scheme, not %d", len(one))
		}
		for scheme := range one {
			if scheme == demonstration {
				if !d.Closed {
					return d.looking(), nil
				}
				continue
			}
			text, err := keyOf(Role(scheme))
			if err != nil {
				return need{}, err
			}
			n.roles, texts = append(n.roles, Role(scheme)), append(texts, text)
		}
	}
	if n.open() && len(security) > 0 {
		return need{}, fmt.Errorf("its security has to name a role beside %s", demonstration)
	}
	n.text = strings.Join(texts, ", or ")
	return n, nil
}

// demand passes on what the need is met of, and says who came.
func (d Door) demand(n need, next http.Handler) http.Handler {
	if n.open() && !n.looks {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, known := d.who(n, r)
		if !known && !n.open() {
			w.Header().Set("WWW-Authenticate", "Bearer")
			api.WriteProblem(w, http.StatusUnauthorized, n.text)
			return
		}
		if known {
			r = r.WithContext(context.WithValue(r.Context(), principalKey{}, p))
		}
		next.ServeHTTP(w, r)
	})
}

// Still returns who sends a request as things are now, of those who may look: a session may
// have ended since it was let in, or have other rights.
func (d Door) Still(r *http.Request) (p Principal, known bool) { return d.who(d.looking(), r) }

// who returns who sent a request, of those who meet the need.
func (d Door) who(n need, r *http.Request) (p Principal, known bool) {
	roles := n.roles
	if n.looks {
		roles = readers()
	}
	if key, sent := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); sent {
		if p, known = d.Keys.find(key, roles); known {
			return p, true
		}
	}
	if !n.looks {
		return p, false
	}
	return d.Sessions.of(r, time.Now())
}
