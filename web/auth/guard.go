package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/commonwatt/commonwatt/web/api"
)

// Door is how requests come in.
type Door struct {
	Keys     Keys
	More     MoreKeys                             // nil: there are none
	Sessions *Sessions                            // nil: there are none
	Trouble  func(ctx context.Context, err error) // is told what went wrong that is nobody's fault who asks; nil: nobody
	Closed   bool                                 // it is no demonstration: also who only looks signs in or sends a key
}

// Guard returns a handler that passes a request on when who sent it meets one of the
// schemes that its operation's security names. What else is asked below a path of which no
// operation is open needs one of all their schemes: who may do nothing there learns nothing
// of what is there. Of everything below /api/ that is no operation, and of /metrics, nothing
// is said to who may not look.
func (d Door) Guard(spec *openapi3.T, next http.Handler) (http.Handler, error) {
	operations, around := http.NewServeMux(), http.NewServeMux()
	places := map[string][]need{} // of the operations at a path, or below it
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			n, err := d.needOf(method, op)
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
		if slices.ContainsFunc(needs, func(n need) bool { return n.open }) {
			continue
		}
		one, err := anyOf(needs)
		if err != nil {
			return nil, err
		}
		around.Handle(place, d.demand(one, next))
		delete(places, place)
	}
	if _, open := places["/api/"]; open {
		around.Handle("/api/", d.demand(need{open: !d.Closed, text: readersWanted, guests: true}, next))
	}
	around.Handle("/metrics", d.demand(need{schemes: readers(), open: !d.Closed, text: readersWanted, guests: true}, next))
	around.Handle("/", next)
	operations.Handle("/", around)
	return operations, nil
}

// above returns the folder in which a path is, with a slash at its end.
func above(path string) string {
	path = strings.TrimSuffix(path, "/")
	return path[:strings.LastIndex(path, "/")+1]
}

// need is what an operation asks of who calls it.
type need struct {
	schemes []Role // of which one is enough; none: whoever it is that is known
	open    bool   // also who is not known may call it
	text    string // says what to send
	guests  bool   // who has signed in to a demonstration by a click may call it as well
}

// anyOf is what is asked of who may do one of several things at least.
func anyOf(needs []need) (need, error) {
	var schemes []Role
	for _, n := range needs {
		for _, s := range n.schemes {
			if !slices.Contains(schemes, s) {
				schemes = append(schemes, s)
			}
		}
	}
	slices.Sort(schemes)
	return needing(schemes)
}

// needing is what is asked of who has to meet one of the schemes.
func needing(schemes []Role) (need, error) {
	var texts []string
	for _, s := range schemes {
		text, err := keyOf(s)
		if err != nil {
			return need{}, err
		}
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	if slices.Contains(schemes, Viewer) {
		texts = []string{readersWanted}
	}
	return need{schemes: schemes, text: strings.Join(texts, ", or "), guests: true}, nil
}

// needOf reads the security of an operation: a list of which one is enough.
func (d Door) needOf(method string, op *openapi3.Operation) (need, error) {
	if op.Security == nil {
		return need{}, errors.New("it has no security: list who may call it, [] for everybody")
	}
	var schemes []Role
	open := len(*op.Security) == 0
	for _, one := range *op.Security {
		if len(one) != 1 {
			return need{}, fmt.Errorf("each of its security has to be one scheme, not %d", len(one))
		}
		for scheme := range one {
			if scheme == demonstration {
				open = !d.Closed
			} else {
				schemes = append(schemes, Role(scheme))
			}
		}
	}
	if len(schemes) == 0 && len(*op.Security) > 0 {
		return need{}, fmt.Errorf("its security has to name a role beside %s", demonstration)
	}
	n, err := needing(schemes)
	if err != nil {
		return n, err
	}
	n.open = open
	n.guests, err = forGuests(method, open, op)
	return n, err
}

// forGuests tells whether guests may call an operation: what is open to whoever comes, what
// its x-demonstration says, and else what is only read. So a new operation that changes
// something is closed to them until somebody says otherwise.
func forGuests(method string, open bool, op *openapi3.Operation) (bool, error) {
	said, some := op.Extensions["x-demonstration"]
	if !some {
		return open || method == http.MethodGet, nil
	}
	may, ok := said.(bool)
	if !ok {
		return false, fmt.Errorf("its x-demonstration has to be true or false, not %v", said)
	}
	return may || open, nil
}

// demand passes on what the need is met of, and says who came.
func (d Door) demand(n need, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := d.who(n, r)
		known, home := p.Role != "", r.PathValue("home")
		switch {
		case err != nil:
			api.WriteProblem(w, http.StatusInternalServerError, "who has signed in could not be read: try again, and look into the server's log")
			d.trouble(r, err)
			return
		case !known && !n.open:
			w.Header().Set("WWW-Authenticate", "Bearer")
			api.WriteProblem(w, http.StatusUnauthorized, n.text)
			return
		case known && p.Person() && !p.may(n.schemes):
			api.WriteProblem(w, http.StatusForbidden, fmt.Sprintf("who has signed in as %s may not do that: sign in with an account that may, the operator gives them out", p.Role))
			return
		case known && p.Account == Guest && !n.guests:
			api.WriteProblem(w, http.StatusForbidden, GuestsMayNot)
			return
		case known && home != "" && !p.Sees(home):
			api.WriteProblem(w, http.StatusNotFound, NoHome(home))
			return
		}
		if known {
			r = r.WithContext(context.WithValue(r.Context(), principalKey{}, p))
		}
		next.ServeHTTP(w, r)
	})
}

// trouble says what went wrong that is nobody's fault who asks.
func (d Door) trouble(r *http.Request, err error) {
	if d.Trouble != nil {
		d.Trouble(r.Context(), err)
	}
}

// Still returns who sends a request as things are now, of those who may look: a session may
// have ended since it was let in, or have other rights.
func (d Door) Still(r *http.Request) (p Principal, known bool) {
	p, err := d.who(need{schemes: append(readers(), TraderLooks, Homeowner)}, r)
	if err != nil {
		d.trouble(r, err)
		return Principal{}, false
	}
	return p, p.Role != ""
}

// Trades tells whether the key of a request is good for trading as things are now.
func (d Door) Trades(r *http.Request) bool {
	p, err := d.who(need{schemes: []Role{Trader}}, r)
	if err != nil {
		d.trouble(r, err)
	}
	return err == nil && p.Role == Trader
}

// who returns who sent a request, without a role when nobody is known: the holder of a key
// that meets the need, or who has signed in, who may be somebody who does not.
func (d Door) who(n need, r *http.Request) (p Principal, err error) {
	schemes := n.schemes
	if len(schemes) == 0 {
		schemes = readers()
	}
	if key, sent := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); sent {
		if p, known := d.Keys.find(key, schemes); known {
			return p, nil
		}
		if d.More != nil {
			if p, known, err := d.More.Find(r.Context(), key, schemes); known || err != nil {
				return p, err
			}
		}
	}
	one, known, err := d.Sessions.of(r)
	switch {
	case !known, err != nil, one.Account == Guest && d.Closed: // it is a demonstration no more
		return p, err
	case one.keyed() && len(n.schemes) > 0 && !slices.Contains(n.schemes, Viewer):
		return p, nil // by the cookie of who has shown a program's key nothing is done but looking
	case one.keyed():
		if one.Principal, known = d.Keys.digested(one.Key, readers()); !known {
			return p, nil
		}
	}
	return one.Principal, nil
}
