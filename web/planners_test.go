package web_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// wishes are what the owners of the homes of ann, bob, a and b want. It implements web.Wishes,
// web.Plans and web.Measures.
type wishes struct {
	set   map[string]api.LimitsRequest
	fails error
}

func newWishes() *wishes { return &wishes{set: map[string]api.LimitsRequest{}} }

func (w *wishes) planning() web.Planning { return web.Planning{Wishes: w, Plans: w, Measures: w} }

func (*wishes) known(home string) bool {
	return slices.Contains([]string{"ann", "bob", "a", "b"}, home)
}

func (w *wishes) Limits(home string) (api.HomeLimits, bool) {
	l := api.HomeLimits{
		Home: home, Prefer: api.Price, Cars: []api.CarLimit{}, SetBy: api.Nobody, Zone: "UTC", Time: now, Batteries: []string{}, Chargers: []string{}, Sentences: []api.LimitSentence{},
	}
	if own, some := w.set[home]; some {
		l.SetBy, l.Reserve = api.Homeowner, *own.Reserve
	}
	return l, w.known(home)
}

func (w *wishes) SetLimits(home string, l api.LimitsRequest) error {
	if l.Reserve == nil {
		return &limits.FieldError{Field: "reserve", Text: "must be given here"}
	}
	w.set[home] = l
	return w.fails
}

func (w *wishes) ResetLimits(home string) error {
	delete(w.set, home)
	return nil
}

func (w *wishes) Plan(home string) (api.HomePlan, bool) {
	return api.HomePlan{Home: home, Zone: "UTC", Time: now, Points: []api.PointPlan{}}, w.known(home)
}

func (w *wishes) Skill(home string) (api.HomeSkill, bool) {
	return api.HomeSkill{Home: home, Series: []api.SeriesSkill{}}, w.known(home)
}

func (*wishes) Measures(context.Context) (api.Measures, error) { return api.Measures{Members: 2}, nil }

// limited is a server with those wishes, that is reached as the access says.
func limited(t *testing.T, a web.Access, w *wishes) http.Handler {
	t.Helper()
	return behindWith(t, a, w.planning())
}

// TestWhoSetsLimits tries every kind of key, and none, behind a closed door and in an open
// demonstration: what was not allowed has changed nothing.
func TestWhoSetsLimits(t *testing.T) {
	for _, c := range []struct {
		closed    bool
		key, home string
		want      int
	}{
		{true, "", "ann", 401},
		{true, "wrong", "ann", 401},
		{true, "viewer's key", "ann", 401},
		{true, "ann's key", "ann", 200},
		{true, "ann's key", "bob", 403},
		{true, "ann's key", "nobody", 403}, // and does not learn who is there
		{true, "installer's key", "bob", 200},
		{true, "operator's key", "bob", 200},
		{true, "operator's key", "nobody", 404},
		{false, "", "ann", 200},
		{false, "", "nobody", 404},
		{false, "ann's key", "ann", 200},
		{false, "ann's key", "bob", 403},
		{false, "installer's key", "bob", 200},
	} {
		for method, body := range map[string]string{http.MethodPut: `{"reserve":200}`, http.MethodDelete: ""} {
			w := newWishes()
			w.set["ann"], w.set["bob"] = api.LimitsRequest{Reserve: new(1)}, api.LimitsRequest{Reserve: new(1)}
			headers := []string{"Content-Type: application/json"}
			if c.key != "" {
				headers = append(headers, "Authorization: Bearer "+c.key)
			}
			got := knock(t, limited(t, web.Access{Closed: c.closed}, w), method, "/api/v1/homes/"+c.home+"/limits", body, headers...)
			if got.Code != c.want {
				t.Errorf("%s closed %t with %q for %s: %d %s", method, c.closed, c.key, c.home, got.Code, got.Body)
			}
			for _, home := range []string{"ann", "bob"} {
				own, some := w.set[home]
				if touched := !some || *own.Reserve != 1; touched != (c.want == 200 && home == c.home) {
					t.Errorf("%s closed %t with %q for %s: the limits of %s changed: %t", method, c.closed, c.key, c.home, home, touched)
				}
			}
		}
	}
}

// TestASessionSetsNoLimits shows the key of an agent once, and comes back with the cookie
// alone, to a community that is not open to all.
func TestASessionSetsNoLimits(t *testing.T) {
	w := newWishes()
	h := limited(t, web.Access{Closed: true}, w)
	session := knock(t, h, http.MethodPost, "/api/v1/session", `{"key":"ann's key"}`, "Content-Type: application/json").Result().Cookies()
	if len(session) != 1 {
		t.Fatal("no session")
	}
	cookie := "Cookie: " + session[0].Name + "=" + session[0].Value
	if got := knock(t, h, http.MethodGet, "/api/v1/homes/ann/limits", "", cookie); got.Code != http.StatusOK {
		t.Errorf("to look: %d", got.Code)
	}
	if got := knock(t, h, http.MethodPut, "/api/v1/homes/ann/limits", `{"reserve":1}`, cookie, "Content-Type: application/json"); got.Code != http.StatusUnauthorized || len(w.set) > 0 {
		t.Errorf("to set: %d", got.Code)
	}
}

// TestAnotherSitesPageSetsNoLimits sends what a browser sends for a page of another site, to
// an open demonstration.
func TestAnotherSitesPageSetsNoLimits(t *testing.T) {
	w := newWishes()
	for _, header := range []string{"Origin: http://evil.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"} {
		if got := knock(t, limited(t, web.Access{}, w), http.MethodPut, "/api/v1/homes/ann/limits", `{"reserve":1}`, header, "Content-Type: application/json"); got.Code != http.StatusForbidden || len(w.set) > 0 {
			t.Errorf("%s: %d", header, got.Code)
		}
	}
}

// TestALimitThatIsWrongIsRefused says which field it is, whoever finds it: the contract, or
// who checks it for the home. What could not be kept is the server's.
func TestALimitThatIsWrongIsRefused(t *testing.T) {
	w := newWishes()
	h := limited(t, web.Access{}, w)
	for body, want := range map[string]string{
		`{}`:                              "reserve: must be given here",
		`{"reserve":1001}`:                "reserve: ",
		`{"reserve":"20 %"}`:              "reserve: ",
		`{"reserve":1,"prefer":"cheap"}`:  "prefer: ",
		`{"reserve":1,"floor":100000001}`: "floor: ",
		`{"reserve":1,"cars":[{"charger":"c","ready_by":"7:00","target":800}]}`: "cars[0].ready_by: ",
		`{"reserve":1,"cars":[{"charger":"c","ready_by":"07:00"}]}`:             "cars[0].target: ",
		`{"reserve":1,"more":1}`: "more",
	} {
		got := knock(t, h, http.MethodPut, "/api/v1/homes/ann/limits", body, "Content-Type: application/json")
		if got.Code != http.StatusBadRequest || !strings.Contains(got.Body.String(), want) || len(w.set) > 0 {
			t.Errorf("%s: %d %s, want %q", body, got.Code, got.Body, want)
		}
	}
	w.fails = errors.New("the disk is full")
	if got := knock(t, h, http.MethodPut, "/api/v1/homes/ann/limits", `{"reserve":1}`, "Content-Type: application/json"); got.Code != http.StatusInternalServerError {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

// TestOfNoHomeNothingIsShown asks for the plan, skill and limits of nobody, and of a server
// that plans nothing.
func TestOfNoHomeNothingIsShown(t *testing.T) {
	for name, h := range map[string]http.Handler{"of nobody": limited(t, web.Access{}, newWishes()), "without plans": behindWith(t, web.Access{}, web.Planning{})} {
		home := map[string]string{"of nobody": "nobody", "without plans": "ann"}[name]
		for _, what := range []string{"limits", "plan", "skill"} {
			if got := knock(t, h, http.MethodGet, "/api/v1/homes/"+home+"/"+what, ""); got.Code != http.StatusNotFound {
				t.Errorf("%s %s: %d %s", name, what, got.Code, got.Body)
			}
		}
		if got := knock(t, h, http.MethodGet, "/api/v1/measures", ""); got.Code != http.StatusOK {
			t.Errorf("%s: measures: %d", name, got.Code)
		}
	}
}

// TestAnAgentLooksAtItsOwnHomeAlone asks with the key of ann's agent for what the agents of two homes do.
func TestAnAgentLooksAtItsOwnHomeAlone(t *testing.T) {
	h := limited(t, web.Access{Closed: true}, newWishes())
	for _, path := range []string{"limits", "plan", "skill"} {
		for home, want := range map[string]int{"ann": http.StatusOK, "bob": http.StatusForbidden, "nobody": http.StatusForbidden} {
			if w := knock(t, h, http.MethodGet, "/api/v1/homes/"+home+"/"+path, "", "Authorization: Bearer ann's key"); w.Code != want {
				t.Errorf("%s of %s: %d %s, want %d", path, home, w.Code, w.Body, want)
			}
		}
	}
}
