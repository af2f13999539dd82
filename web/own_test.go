package web_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// ownAsked is a request of an operation about a home's own, and who may make it: people by their
// role, and whether keys may that are for looking.
type ownAsked struct {
	asked

	people string
	looks  bool
}

func ownOperations() map[string]ownAsked {
	get := func(path string, code int, people string, looks bool) ownAsked {
		return ownAsked{asked{http.MethodGet, "/api/v1/homes/ann/" + path, "", "", code}, people, looks}
	}
	const owner = "homeowner operator"
	return map[string]ownAsked{
		"getHistory":         get("history?from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z", http.StatusOK, owner, true),
		"getMoney":           get("money", http.StatusOK, owner, true),
		"listHomeBills":      get("bills", http.StatusOK, owner, false),
		"getHomeBill":        get("bills/none", http.StatusNotFound, owner, false),
		"printHomeBill":      get("bills/none/pdf", http.StatusNotFound, owner, false),
		"openHomeBillLine":   get("bills/none/line?point=p&kind=own", http.StatusNotFound, owner, false),
		"listReadings":       get("devices/meter/readings", http.StatusOK, "homeowner installer operator", true),
		"getBatch":           get("batches/00", http.StatusNotFound, owner, false),
		"getHomeValues":      get("values?interval=2026-06-01T10:15:00Z/15", http.StatusOK, owner, false),
		"listHomeObjections": {asked{http.MethodGet, "/api/v1/homes/ann/objections", "", auditorWanted, http.StatusOK}, owner, false},
		"objectToValue": {asked{
			http.MethodPost, "/api/v1/homes/ann/objections", `{"metering_point":"mp-ann","interval":"2026-06-01T10:15:00Z/15","import":1,"export":0,"reason":"so"}`, signInWanted, http.StatusOK,
		}, "homeowner", false},
		"withdrawObjection":    {asked{http.MethodDelete, "/api/v1/homes/ann/objections/1", "", signInWanted, http.StatusNoContent}, "homeowner", false},
		"listObjections":       {asked{http.MethodGet, "/api/v1/objections", "", auditorWanted, http.StatusOK}, "utility operator", false},
		"decideObjection":      {asked{http.MethodPost, "/api/v1/objections/1/decision", `{"accept":true,"reason":"seen"}`, auditorWanted, http.StatusOK}, "utility operator", false},
		"getConsent":           get("consent", http.StatusOK, owner, false),
		"setConsent":           {asked{http.MethodPut, "/api/v1/homes/ann/consent", `{"research":true}`, signInWanted, http.StatusOK}, "homeowner", false},
		"getNotices":           {asked{http.MethodGet, "/api/v1/account/notices", "", signInWanted, http.StatusOK}, "homeowner", false},
		"setNotices":           {asked{http.MethodPut, "/api/v1/account/notices", `{"kinds":[{"kind":"bill","email":true}]}`, signInWanted, http.StatusOK}, "homeowner", false},
		"subscribePush":        {asked{http.MethodPost, "/api/v1/account/push", `{"endpoint":"https://push.example/x","p256dh":"a","auth":"b"}`, signInWanted, http.StatusNoContent}, "homeowner", false},
		"unsubscribePush":      {asked{http.MethodDelete, "/api/v1/account/push?endpoint=https://push.example/x", "", signInWanted, http.StatusNoContent}, "homeowner", false},
		"turnNoticeOff":        {asked{http.MethodPost, "/api/v1/notices/off?token=x", "", "", http.StatusNotFound}, "homeowner installer utility researcher operator", true},
		"openHomeBillInterval": get("bills/none/postings?point=p&interval=2026-06-01T10:15:00Z/15", http.StatusNotFound, owner, false),
	}
}

func withOwn(all map[string]asked) map[string]asked {
	for name, a := range ownOperations() {
		all[name] = a.asked
	}
	return all
}

func withOwnPeople(all map[string]string) map[string]string {
	for name, a := range ownOperations() {
		all[name] = a.people
	}
	return all
}

func ownInDemonstrations() (names []string) {
	for name, a := range ownOperations() {
		if a.wanted == "" && name != "turnNoticeOff" { // which is open everywhere
			names = append(names, name)
		}
	}
	return names
}

func ownNotForLooking() (names []string) {
	for name, a := range ownOperations() {
		if !a.looks {
			names = append(names, name)
		}
	}
	return names
}

// signInWanted is said to who has not signed in, where no key is good enough.
const signInWanted = `sign in at /signin.html`

// newOwn is what homeowners are shown here: two steps of a past, and a bill.
func newOwn() web.Own {
	return web.Own{Past: &aPast{}, Bills: ownBills{}, Told: aMeter{}, Consents: consents{}, Notices: &noticeBoard{}, Objections: complaints{}}
}

// aMeter is a device that each home has, with one batch of ann's.
type aMeter struct{}

func (aMeter) Readings(_ context.Context, home, device string, until *time.Time, minutes int) (r api.HomeReadings, known bool, err error) {
	if until == nil {
		until = &now
	}
	return api.HomeReadings{
		Home: home, Device: device, Kind: "meter", From: until.Add(-time.Duration(minutes) * time.Minute), Until: *until,
		Readings: []api.ToldReading{{Time: *until, Quality: "good", Power: new(int64(-900)), Batch: new("aa")}},
	}, isHome(home) && device == "meter", nil
}

func (aMeter) Batch(_ context.Context, home, digest string) ([]byte, error) {
	if home == "ann" && digest == "aa" {
		return []byte("signed"), nil
	}
	return nil, nil
}

// consents are what homes allow: nothing is kept.
type consents struct{}

func (consents) Consent(home string) (api.HomeConsent, bool) {
	return api.HomeConsent{Home: home, Uses: []api.ConsentUse{{Use: "sums", Allowed: true, Text: "x"}}, Decisions: []api.ConsentDecision{}}, isHome(home)
}
func (consents) Decide(string, api.ConsentRequest) error { return nil }

// noticeBoard notes for whom something was chosen.
type noticeBoard struct{ chose []web.Recipient }

func (*noticeBoard) Settings(context.Context, web.Recipient) (api.NoticeSettings, error) {
	return api.NoticeSettings{Kinds: []api.NoticeKind{{Kind: "bill", Email: true, Source: true}}, Currency: "EUR", Browsers: []string{}, PushKey: "k"}, nil
}

func (b *noticeBoard) Choose(_ context.Context, who web.Recipient, r api.NoticeRequest) error {
	if len(r.Kinds) > 0 && r.Kinds[0].Kind == "weather" {
		return wrongRangeError{}
	}
	b.chose = append(b.chose, who)
	return nil
}
func (*noticeBoard) Subscribe(context.Context, web.Recipient, api.PushSubscription) error { return nil }
func (*noticeBoard) Unsubscribe(context.Context, web.Recipient, string) error             { return nil }
func (*noticeBoard) TurnOff(_ context.Context, token string) (api.NoticeOff, bool, error) {
	return api.NoticeOff{Kind: "bill", Channel: "email"}, token == "good", nil
}

// aPast knows the homes whose names have at most three letters and are no zz.
type aPast struct{ asked web.Range }

// wrongRangeError is what is wrong with what was asked.
type wrongRangeError struct{}

func (wrongRangeError) Error() string     { return "to: it has to be later than from" }
func (wrongRangeError) Parameter() string { return "to" }

func (p *aPast) History(_ context.Context, home string, r web.Range) (h api.HomeHistory, known bool, err error) {
	p.asked = r
	switch {
	case !isHome(home):
		return h, false, nil
	case !r.From.Before(r.To), r.Step == "2h":
		return h, true, wrongRangeError{}
	}
	h = api.HomeHistory{Home: home, Zone: "Europe/Vienna", Currency: "EUR", Step: r.Step, From: r.From, To: r.To, Points: []api.HistoryPoint{
		{Start: r.From, End: r.From.Add(24 * time.Hour), Quality: api.HistoryMissing, Expected: 96},
		{
			Start: r.From.Add(24 * time.Hour), End: r.To, Quality: api.HistoryPartial, Intervals: 90, Expected: 96, Settled: 90, Import: new(int64(1200)), Export: new(int64(0)),
			Solar: new(int64(500)), Cost: new(int64(250_000)), Savings: new(int64(-1)), Lacking: &[]string{"charger", "home"},
		},
	}}
	if r.Compare {
		h.Before = &api.HistoryBefore{From: r.From, To: r.To, Points: h.Points[:1]}
	}
	return h, true, nil
}

func (p *aPast) Money(_ context.Context, home string) (api.HomeMoney, bool, error) {
	return api.HomeMoney{Home: home, Zone: "Europe/Vienna", Currency: "EUR", Digits: 2}, isHome(home), nil
}

func isHome(home string) bool { return len(home) <= 3 && home != "zz" && home != "B" }

// ownBills are the bills of ann, among them a draft, and one of bob.
type ownBills struct{ oneBill }

func (ownBills) all() map[string]api.Bill {
	all := map[string]api.Bill{}
	for id, of := range map[string][2]string{"draft-2026-07-ann": {"ann", "draft"}, "2026-000001": {"ann", "approved"}, "2026-000002": {"bob", "sent"}, "2026-000003": {"ann", "approving"}, "2026-000004": {"ann", "cancelled"}} {
		b, _ := oneBill{}.Get(context.Background(), id)
		b.Summary.Id, b.Summary.Member, b.Summary.State = id, of[0], of[1]
		all[id] = b
	}
	return all
}

func (o ownBills) List(_ context.Context, _, member, _ string) (all []api.BillSummary, err error) {
	for _, id := range []string{"draft-2026-07-ann", "2026-000001", "2026-000002", "2026-000003", "2026-000004"} {
		if b := o.all()[id].Summary; b.Member == member {
			all = append(all, b)
		}
	}
	return all, nil
}

func (o ownBills) Get(_ context.Context, id string) (api.Bill, error) {
	b, is := o.all()[id]
	if !is {
		return b, refusedBillError{missing: true}
	}
	return b, nil
}

// TestOwnBills asks for what is ann's and approved, and for what is not.
func TestOwnBills(t *testing.T) {
	h := guarded(t)
	w := knock(t, h, http.MethodGet, "/api/v1/homes/ann/bills", "")
	var listed api.Bills
	if err := json.Unmarshal(w.Body.Bytes(), &listed); err != nil || len(listed.Bills) != 2 || listed.Bills[0].Id != "2026-000004" || listed.Bills[1].Id != "2026-000001" {
		t.Errorf("bills of ann: %d %s", w.Code, w.Body)
	}
	for path, want := range map[string]int{
		"2026-000001": 200, "2026-000001/pdf": 200, "2026-000001/postings?point=mp-ann&interval=2026-06-01T10:15:00Z/15": 200, "2026-000001/line?point=mp-ann&kind=own": 404, "2026-000004": 200,
		"2026-000002": 404, "2026-000002/pdf": 404, "2026-000002/line?point=mp-bob&kind=own": 404, "2026-000002/postings?point=mp-bob&interval=2026-06-01T10:15:00Z/15": 404,
		"draft-2026-07-ann": 404, "2026-000003": 404, "2026-000009": 404, "2026-000001/postings?point=mp-ann&interval=noon": 400,
	} {
		w := knock(t, h, http.MethodGet, "/api/v1/homes/ann/bills/"+path, "")
		if w.Code != want {
			t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, want)
		}
		if strings.HasPrefix(path, "2026-000002") && !strings.Contains(w.Body.String(), `there is no bill \"2026-000002\" of this home`) {
			t.Errorf("%s: says %s", path, w.Body)
		}
	}
	if got := knock(t, h, http.MethodGet, "/api/v1/homes/ann/bills/2026-000001/pdf", "").Header().Get("Content-Disposition"); got != `attachment; filename="2026-000001.pdf"` {
		t.Errorf("the file is called by %s", got)
	}
}

// TestAnAgentHasOneHome asks with the key of ann's agent for what is bob's.
func TestAnAgentHasOneHome(t *testing.T) {
	h := guarded(t)
	for _, path := range []string{"history?from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z", "money"} {
		if w := knock(t, h, http.MethodGet, "/api/v1/homes/ann/"+path, "", "Authorization: Bearer ann's key"); w.Code != http.StatusOK {
			t.Errorf("%s of ann: %d %s", path, w.Code, w.Body)
		}
		if w := knock(t, h, http.MethodGet, "/api/v1/homes/bob/"+path, "", "Authorization: Bearer ann's key"); w.Code != http.StatusForbidden {
			t.Errorf("%s of bob: %d %s", path, w.Code, w.Body)
		}
		if w := knock(t, h, http.MethodGet, "/api/v1/homes/nobody/"+path, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s of nobody: %d %s", path, w.Code, w.Body)
		}
	}
}

// TestHistoryOverTheAPI asks for a range in each form, and for what is none.
func TestHistoryOverTheAPI(t *testing.T) {
	h := guarded(t)
	ask := func(query string) (int, string) {
		w := knock(t, h, http.MethodGet, "/api/v1/homes/ann/history?"+query, "")
		return w.Code, w.Body.String()
	}
	const days = "from=2026-06-01T22:00:00Z&to=2026-06-03T22:00:00Z"
	for query, want := range map[string]int{
		days: 200, days + "&step=1mo&compare=true": 200, days + "&step=2h": 400, days + "&format=xml": 400, days + "&more=1": 200,
		"from=2026-06-03T22:00:00Z&to=2026-06-01T22:00:00Z": 400, "from=yesterday&to=2026-06-01T22:00:00Z": 400, "from=2026-06-03T22:00:00Z": 400,
	} {
		if code, body := ask(query); code != want {
			t.Errorf("%s: %d %s, want %d", query, code, body, want)
		}
	}
	_, body := ask(days)
	if strings.Contains(body, `"import":0`) || !strings.Contains(body, `"import":1200`) || !strings.Contains(body, `"export":0`) {
		t.Errorf("what is not known is zero, or what is zero not known: %s", body)
	}
	_, table := ask(days + "&format=csv&compare=true")
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%v: %s", err, table)
	}
	at := map[string]int{}
	for k, name := range rows[0] {
		at[name] = k
	}
	missing, partial := rows[2], rows[3]
	if rows[1][0] != "before" || missing[at["start"]] != "2026-06-02T00:00:00+02:00" || missing[at["import_wh"]] != "" || partial[at["import_wh"]] != "1200" || partial[at["export_wh"]] != "0" ||
		partial[at["cost_EUR"]] != "0.250000" || partial[at["savings_EUR"]] != "-0.000001" || partial[at["charger_wh"]] != "" || partial[at["lacking"]] != "charger home" {
		t.Errorf("the table:\n%s", table)
	}
}

// TestWhatDevicesTold asks for readings and for the batch that says them.
func TestWhatDevicesTold(t *testing.T) {
	h := guarded(t)
	for path, want := range map[string]int{
		"ann/devices/meter/readings?minutes=60&until=2026-06-01T10:00:00Z": 200, "ann/devices/meter/readings?minutes=0": 400, "ann/devices/meter/readings?minutes=61": 400,
		"ann/devices/roof/readings": 404, "nobody/devices/meter/readings": 404, "ann/batches/aa": 200, "bob/batches/aa": 404, "ann/batches/bb": 404, "nobody/consent": 404,
	} {
		if w := knock(t, h, http.MethodGet, "/api/v1/homes/"+path, ""); w.Code != want {
			t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
	if w := knock(t, h, http.MethodGet, "/api/v1/homes/bob/devices/meter/readings", "", "Authorization: Bearer ann's key"); w.Code != http.StatusForbidden {
		t.Errorf("with the key of ann's agent: %d %s", w.Code, w.Body)
	}
}

// TestNoticesAreOnesOwn has a homeowner choose, and whoever has a link turn off.
func TestNoticesAreOnesOwn(t *testing.T) {
	h := guarded(t)
	cookie := guestIn(t, h, `{"role":"homeowner","home":"b"}`)
	for body, want := range map[string]int{`{"kinds":[{"kind":"bill","push":true}],"below":100000}`: 200, `{"kinds":[{"kind":"weather"}]}`: 400, `{"kinds":[],"member":"a"}`: 400, `{}`: 400} {
		if w := knock(t, h, http.MethodPut, "/api/v1/account/notices", body, cookie, "Content-Type: application/json"); w.Code != want {
			t.Errorf("%s: %d %s, want %d", body, w.Code, w.Body, want)
		}
	}
	for token, want := range map[string]int{"good": 200, "bad": 404} { // as mail programs send it
		if w := knock(t, h, http.MethodPost, "/api/v1/notices/off?token="+token, "List-Unsubscribe=One-Click", "Content-Type: application/x-www-form-urlencoded"); w.Code != want {
			t.Errorf("the link with %s: %d %s", token, w.Code, w.Body)
		}
	}
	if w := knock(t, h, http.MethodGet, "/api/v1/notices/off?token=good", ""); w.Code/100 == 2 {
		t.Errorf("a link that is only looked at turns off: %d", w.Code)
	}
}
