package web_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/meters/profile"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// What the refusals of who sends no key, or not the right one, say.
const (
	agentWanted      = `send an agent's key as "Authorization: Bearer KEY"; the operator gives keys out (agents in the config)`
	auditorWanted    = researcherWanted
	operatorWanted   = `send the operator's key as "Authorization: Bearer KEY": it is in operator.key in the data directory`
	researcherWanted = "sign in at /signin.html, or " + operatorWanted
	installerWanted  = `send the installer's key as "Authorization: Bearer KEY": it is in installer.key in the data directory, or ` + operatorWanted
)

// asked is a request, what is said to who may not make it, empty when everybody may,
// and the status that who may gets.
type asked struct {
	method, path, body string
	wanted             string
	code               int
}

// operations has one request of each operation of openapi.yaml. Written out: an
// operation that is new is open to all only when somebody writes it here.
func operations() map[string]asked {
	return withAccounts(withOwn(map[string]asked{
		"getSession":        {http.MethodGet, "/api/v1/session", "", "", http.StatusOK},
		"openDemonstration": {http.MethodPost, "/api/v1/session/demonstration", `{"role":"utility"}`, "", http.StatusNoContent},
		"openSession":       {http.MethodPost, "/api/v1/session", `{"key":"installer's key"}`, "", http.StatusNoContent},
		"closeSession":      {http.MethodDelete, "/api/v1/session", "", "", http.StatusNoContent},
		"getStatus":         {http.MethodGet, "/api/v1/status", "", "", http.StatusOK},
		"getState":          {http.MethodGet, "/api/v1/state", "", "", http.StatusOK},
		"watchState":        {http.MethodGet, "/api/v1/ws", "", "", http.StatusBadRequest}, // no handshake
		"getPrice":          {http.MethodGet, "/api/v1/intervals/2026-06-01T10:15:00Z/price", "", "", http.StatusNotFound},
		"getRecord":         {http.MethodGet, "/api/v1/intervals/2026-06-01T10:15:00Z/record", "", "", http.StatusNotFound},
		"listIntervals":     {http.MethodGet, "/api/v1/intervals", "", "", http.StatusNotFound},
		"listDisputes":      {http.MethodGet, "/api/v1/disputes", "", auditorWanted, http.StatusOK},
		"getMarket":         {http.MethodGet, "/api/v1/market", "", "", http.StatusOK},
		"getPostings":       {http.MethodGet, "/api/v1/postings?interval=2026-06-01T10:15:00Z/15", "", "", http.StatusOK},
		"getLedger":         {http.MethodGet, "/api/v1/ledger", "", "", http.StatusOK},
		"getRewards":        {http.MethodGet, "/api/v1/rewards", "", "", http.StatusOK},
		"searchLedger":      {http.MethodGet, "/api/v1/ledger/search?q=trade", "", "", http.StatusServiceUnavailable}, // there is none here, nor below
		"getLedgerTotals":   {http.MethodGet, "/api/v1/ledger/totals?by=month", "", "", http.StatusServiceUnavailable},
		"provePosting":      {http.MethodGet, "/api/v1/ledger/postings/0/proof", "", "", http.StatusServiceUnavailable},
		"proveConsistency":  {http.MethodGet, "/api/v1/ledger/consistency?size=0&records=0", "", "", http.StatusServiceUnavailable},
		"downloadPostings":  {http.MethodGet, "/api/v1/ledger/postings.csv", "", "", http.StatusServiceUnavailable},
		"downloadBundle":    {http.MethodGet, "/api/v1/ledger/bundle", "", auditorWanted, http.StatusServiceUnavailable},
		"submitOrders":      {http.MethodPost, "/api/v1/orders", "[]", agentWanted, http.StatusOK},
		"streamOrders":      {http.MethodGet, "/api/v1/orders/ws", "", agentWanted, http.StatusBadRequest}, // no handshake
		"listOrders":        {http.MethodGet, "/api/v1/orders", "", agentWanted, http.StatusOK},
		"cancelOrders":      {http.MethodDelete, "/api/v1/orders", "", agentWanted, http.StatusOK},
		"listFills":         {http.MethodGet, "/api/v1/fills", "", agentWanted, http.StatusOK},
		"getBestPrices":     {http.MethodGet, "/api/v1/market/best?interval=2026-06-01T10:15:00Z/15", "", agentWanted, http.StatusOK},
		"getTrader":         {http.MethodGet, "/api/v1/trader", "", agentWanted, http.StatusOK},
		"getOrder":          {http.MethodGet, "/api/v1/orders/o1", "", agentWanted, http.StatusNotFound},
		"replaceOrder":      {http.MethodPut, "/api/v1/orders/o1", `{"energy":1,"price":100}`, agentWanted, http.StatusOK},
		"cancelOrder":       {http.MethodDelete, "/api/v1/orders/o1", "", agentWanted, http.StatusOK},
		"discoverDevices":   {http.MethodPost, "/api/v1/pairing/discover", `{"places":""}`, installerWanted, http.StatusBadRequest},
		"listPairedDevices": {http.MethodGet, "/api/v1/pairing/devices", "", installerWanted, http.StatusOK},
		"listProfiles":      {http.MethodGet, "/api/v1/pairing/profiles", "", installerWanted, http.StatusOK},
		"listPairings":      {http.MethodGet, "/api/v1/pairing/sessions", "", installerWanted, http.StatusOK},
		"beginPairing":      {http.MethodPost, "/api/v1/pairing/sessions", `{"target":"ftp://x"}`, installerWanted, http.StatusBadRequest},
		"getPairing":        {http.MethodGet, "/api/v1/pairing/sessions/x", "", installerWanted, http.StatusNotFound},
		"endPairing":        {http.MethodDelete, "/api/v1/pairing/sessions/x", "", installerWanted, http.StatusNotFound},
		"measurePairing":    {http.MethodPost, "/api/v1/pairing/sessions/x/measure", "", installerWanted, http.StatusNotFound},
		"checkPairingSign":  {http.MethodPost, "/api/v1/pairing/sessions/x/sign", `{"load":"later"}`, installerWanted, http.StatusNotFound},
		"bindPairing":       {http.MethodPost, "/api/v1/pairing/sessions/x/bind", `{"id":"d","member":"ann","metering_point":"mp"}`, installerWanted, http.StatusNotFound},
		"listDevices":       {http.MethodGet, "/api/v1/devices", "", installerWanted, http.StatusOK},
		"changeDevice":      {http.MethodPatch, "/api/v1/devices/ann%2Fmeter", `{"name":"cellar"}`, installerWanted, http.StatusNotFound},
		"removeDevice":      {http.MethodDelete, "/api/v1/devices/ann%2Fmeter", "", installerWanted, http.StatusNotFound},
		"restoreDevice":     {http.MethodPost, "/api/v1/devices/ann%2Fmeter/restore", "", installerWanted, http.StatusNotFound},
		"tryDevice":         {http.MethodPost, "/api/v1/devices/ann%2Fbattery/trial", `{"power":500}`, installerWanted, http.StatusNotFound},
		"getFund":           {http.MethodGet, "/api/v1/fund", "", "", http.StatusOK},
		"getMembers":        {http.MethodGet, "/api/v1/members", "", operatorWanted, http.StatusOK},
		"importMembers":     {http.MethodPost, "/api/v1/members", "nonsense", operatorWanted, http.StatusBadRequest},
		"getBalance":        {http.MethodGet, "/api/v1/members/1/balance", "", operatorWanted, http.StatusOK},
		"transferMoney":     {http.MethodPost, "/api/v1/members/1/transfers", `{"reference":"r","amount":5}`, operatorWanted, http.StatusOK},
		"listBills":         {http.MethodGet, "/api/v1/bills?period=2026-06", "", operatorWanted, http.StatusOK},
		"draftBills":        {http.MethodPost, "/api/v1/bills", `{"month":"2026-06"}`, operatorWanted, http.StatusOK},
		"getBill":           {http.MethodGet, "/api/v1/bills/2026-000001", "", operatorWanted, http.StatusOK},
		"approveBill":       {http.MethodPost, "/api/v1/bills/draft-2026-06-ann/approval", "", operatorWanted, http.StatusOK},
		"cancelBill":        {http.MethodPost, "/api/v1/bills/2026-000001/cancellation", "", operatorWanted, http.StatusConflict},
		"payBill":           {http.MethodPost, "/api/v1/bills/2026-000001/payment", `{"reference":"r"}`, operatorWanted, http.StatusOK},
		"printBill":         {http.MethodGet, "/api/v1/bills/2026-000001/pdf", "", operatorWanted, http.StatusOK},
		"openBillLine":      {http.MethodGet, "/api/v1/bills/2026-000001/line?point=mp-ann&kind=own", "", operatorWanted, http.StatusNotFound},
		"openBillInterval":  {http.MethodGet, "/api/v1/bills/2026-000001/postings?point=mp-ann&interval=noon", "", operatorWanted, http.StatusBadRequest},
		"exportBills":       {http.MethodGet, "/api/v1/bill-files?format=csv&period=2026-06", "", operatorWanted, http.StatusOK},
		"sendBills":         {http.MethodPost, "/api/v1/bill-letters", `{"ids":["2026-000001"]}`, operatorWanted, http.StatusOK},
		"makeBackup":        {http.MethodPost, "/api/v1/backup", `{"passphrase":"oak street, number nine"}`, operatorWanted, http.StatusOK},
		"getOperation":      {http.MethodGet, "/api/v1/operation", "", operatorWanted, http.StatusOK},
		"listScenarios":     {http.MethodGet, "/api/v1/scenarios", "", "", http.StatusOK},
		"listRuns":          {http.MethodGet, "/api/v1/runs", "", "", http.StatusOK},
		"startRun":          {http.MethodPost, "/api/v1/runs", `{"scenario":"summer-day"}`, researcherWanted, http.StatusOK},
		"getRun":            {http.MethodGet, "/api/v1/runs/r1", "", "", http.StatusOK},
		"endRun":            {http.MethodDelete, "/api/v1/runs/r1", "", researcherWanted, http.StatusNoContent},
		"getRunFile":        {http.MethodGet, "/api/v1/runs/r1/files/trades.csv", "", "", http.StatusOK},
		"plotRuns":          {http.MethodGet, "/api/v1/run-plot?runs=r1&of=price", "", "", http.StatusOK},
		"getCommunity":      {http.MethodGet, "/api/v1/operator", "", operatorWanted, http.StatusOK},
		"listTariffs":       {http.MethodGet, "/api/v1/tariffs", "", "", http.StatusOK},
		"pushPrices":        {http.MethodPost, "/api/v1/tariffs/dynamic/prices", `{"prices":[{"start":"2026-06-01T12:00:00Z","price":1}]}`, operatorWanted, http.StatusOK},
		"listValues":        {http.MethodGet, "/api/v1/values", "", auditorWanted, http.StatusOK},
		"importValues":      {http.MethodPost, "/api/v1/values", "", operatorWanted, http.StatusBadRequest}, // no form
		"reconcileValues":   {http.MethodGet, "/api/v1/values/reconciliation?month=2026-06", "", auditorWanted, http.StatusOK},
		"getLimits":         {http.MethodGet, "/api/v1/homes/ann/limits", "", "", http.StatusOK},
		"setLimits":         {http.MethodPut, "/api/v1/homes/ann/limits", `{"reserve":200}`, "", http.StatusOK},
		"resetLimits":       {http.MethodDelete, "/api/v1/homes/ann/limits", "", "", http.StatusOK},
		"getPlan":           {http.MethodGet, "/api/v1/homes/ann/plan", "", "", http.StatusOK},
		"getSkill":          {http.MethodGet, "/api/v1/homes/ann/skill", "", "", http.StatusOK},
		"getMeasures":       {http.MethodGet, "/api/v1/measures", "", "", http.StatusOK},
		"watchPairing":      {http.MethodPost, "/api/v1/pairing/sessions/x/watch", "{}", installerWanted, http.StatusNotFound},
	}))
}

// inDemonstrations are the operations that whoever comes may call in a demonstration on this
// machine alone; elsewhere a key is wanted. Written out, as operations is.
func inDemonstrations() []string {
	return append(ownInDemonstrations(),
		"getStatus", "getState", "watchState", "getPrice", "getRecord", "listIntervals", "getMarket", "getPostings", "getLedger", "getRewards", "getFund",
		"searchLedger", "getLedgerTotals", "provePosting", "proveConsistency", "downloadPostings", "listTariffs", "getMeasures",
		"getLimits", "setLimits", "resetLimits", "getPlan", "getSkill", "listScenarios", "listRuns", "getRun", "getRunFile", "plotRuns",
	)
}

// forPeople are the operations that people may call who have signed in, by their role. What
// is not here needs the key of an agent. Written out, as operations is.
func forPeople() map[string]string {
	looking := "homeowner installer utility researcher operator"
	return withAccountsPeople(withOwnPeople(map[string]string{
		"getSession": looking, "openSession": looking, "closeSession": looking, "openDemonstration": looking,
		"getStatus": looking, "getState": looking, "watchState": looking, "getMarket": looking, "getLedger": looking, "listTariffs": looking, "getMeasures": looking,
		"getPrice": "homeowner utility researcher operator", "getRecord": "homeowner utility researcher operator",
		"searchLedger": "utility operator", "getLedgerTotals": "utility operator", "provePosting": "utility operator", "proveConsistency": "utility operator",
		"listIntervals": "utility operator", "listDisputes": "utility operator", "downloadPostings": "utility operator", "downloadBundle": "utility operator",
		"getPostings": "utility researcher operator", "getRewards": "utility operator", "getFund": "homeowner utility researcher operator",
		"getLimits": "homeowner installer operator", "setLimits": "homeowner installer operator", "resetLimits": "homeowner installer operator",
		"getPlan": "homeowner operator", "getSkill": "homeowner operator",
		"discoverDevices": "installer operator", "listPairedDevices": "installer operator", "listProfiles": "installer operator", "listPairings": "installer operator", "beginPairing": "installer operator",
		"getPairing": "installer operator", "endPairing": "installer operator", "measurePairing": "installer operator", "checkPairingSign": "installer operator", "bindPairing": "installer operator", "watchPairing": "installer operator",
		"listDevices": "installer operator", "changeDevice": "installer operator", "removeDevice": "installer operator", "restoreDevice": "installer operator", "tryDevice": "installer operator",
		"getOperation": "operator", "listScenarios": "researcher operator", "listRuns": "researcher operator", "startRun": "researcher operator", "getRun": "researcher operator",
		"endRun": "researcher operator", "getRunFile": "researcher operator", "plotRuns": "researcher operator",
		"getMembers": "operator", "importMembers": "operator", "getBalance": "operator", "transferMoney": "operator",
		"listBills": "operator", "draftBills": "operator", "getBill": "operator", "approveBill": "operator", "cancelBill": "operator", "payBill": "operator",
		"printBill": "operator", "openBillLine": "operator", "openBillInterval": "operator", "exportBills": "operator", "sendBills": "operator",
		"makeBackup":   "operator",
		"getCommunity": "operator", "pushPrices": "operator", "listValues": "utility operator", "importValues": "operator", "reconcileValues": "utility operator",
	}))
}

// besides are requests of no operation: below what needs a key they need it too.
func besides() map[string]asked {
	return map[string]asked{
		"nothing there":             {http.MethodGet, "/api/v1/nothing", "", "", http.StatusNotFound},
		"no page":                   {http.MethodGet, "/nothing.html", "", "", http.StatusNotFound},
		"is it well":                {http.MethodGet, "/healthz", "", "", http.StatusOK},
		"dots that are no way up":   {http.MethodGet, "/api/v1/x/%2e%2e/pairing/devices", "", "", http.StatusNotFound},
		"another method":            {http.MethodPost, "/api/v1/status", "", "", http.StatusMethodNotAllowed},
		"a trader, to be written":   {http.MethodPost, "/api/v1/trader", "", agentWanted, http.StatusMethodNotAllowed},
		"all orders, to be written": {http.MethodPut, "/api/v1/orders", "", agentWanted, http.StatusMethodNotAllowed},
		"an order whose id is ws":   {http.MethodDelete, "/api/v1/orders/ws", "", agentWanted, http.StatusOK},
		"a head of an order":        {http.MethodHead, "/api/v1/orders/o1", "", agentWanted, http.StatusNotFound},
		"below an order":            {http.MethodGet, "/api/v1/orders/o1/more", "", agentWanted, http.StatusNotFound},
		"the pairing":               {http.MethodGet, "/api/v1/pairing/", "", installerWanted, http.StatusNotFound},
		"no part of the pairing":    {http.MethodGet, "/api/v1/pairing/nothing", "", installerWanted, http.StatusNotFound},
		"a pairing, to be replaced": {http.MethodPut, "/api/v1/pairing/sessions/x", "", installerWanted, http.StatusMethodNotAllowed},
	}
}

// guarded is a server with one agent's key and the installer's.
func guarded(t *testing.T) http.Handler {
	t.Helper()
	return operated(t, &noValues{})
}

// operated is such a server with the grid operator's values.
func operated(t *testing.T, values web.Values) http.Handler {
	t.Helper()
	return contracted(t, operatedWith(t, web.Operator{
		Key: "operator's key", Members: purses{}, Fund: purses{}, Tariffs: takesAll{}, Values: values, Bills: oneBill{},
		Community: func() api.Community {
			return api.Community{Community: "demo", Currency: "EUR", Minutes: 15, WorldTime: now}
		},
		Operation: func(context.Context) api.Operation {
			return api.Operation{Checks: []api.Check{{Name: api.CheckDisk, Good: true}}}
		},
		Backup: func(context.Context) (web.Backup, error) { return newBackedUp(nil), nil },
	}))
}

// operatedWith is such a server, whose answers are not held to the contract.
func operatedWith(t *testing.T, o web.Operator) http.Handler {
	t.Helper()
	return operatedAnd(t, o, slog.New(slog.DiscardHandler))
}

// operatedAnd is such a server that says in a log what fails.
func operatedAnd(t *testing.T, o web.Operator, log *slog.Logger) http.Handler {
	t.Helper()
	profiles, err := profile.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	var market counted
	traders := map[string]web.Trader{"ann's key": {Name: "a1", Member: "ann", Points: func() []string { return []string{"mp-ann"} }, Rate: 2}}
	entry, err := web.NewOrderEntry("demo", &market, func() time.Time { return now }, traders, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	installer := &web.Installer{Desk: pairing.Open(t.TempDir(), profiles, nil), Key: "installer's key"}
	h, err := web.NewServer(newLive(), noBooks{}, entry, installer, func() bool { return true }, http.NotFoundHandler(), log).
		Peopled(web.People{Book: newBook(t)}).Operated(o).Planned(newWishes().planning()).Researched(oneRun{}).Owned(newOwn()).Handler()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// takesAll is a book of tariffs that takes all prices.
type takesAll struct{}

func (takesAll) Shown() api.Tariffs {
	return api.Tariffs{Zone: "UTC", Minutes: 15, Time: now, Currency: "EUR", MinorDigits: 2, Tariffs: []api.TariffNow{}}
}

func (takesAll) Push(_ string, prices []tariff.SpotPrice) (api.TariffSeries, error) {
	return api.TariffSeries{Minutes: 15, Prices: len(prices)}, nil
}

// TestWhoMayDoWhat tries every operation of the contract, and what is beside them, with
// each key and without one.
func TestWhoMayDoWhat(t *testing.T) {
	h := guarded(t)
	headers := map[string]string{
		"": "", "Bearer ann's key": agentWanted, "Bearer installer's key": installerWanted, "Bearer operator's key": operatorWanted, "Bearer wrong": "none", "Bearer ": "none",
		"ann's key": "none", "bearer installer's key": "none", "Basic ann's key": "none", "Bearer ann's key ": "none",
	}
	try := func(name string, a asked) {
		for header, opens := range headers {
			r := httptest.NewRequestWithContext(t.Context(), a.method, a.path, strings.NewReader(a.body))
			r.Header.Set("Content-Type", "application/json")
			if header != "" {
				r.Header.Set("Authorization", header)
			}
			mayAgain(t, h)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if a.wanted == "" || opens != "" && strings.Contains(a.wanted, opens) {
				if w.Code != a.code || w.Header().Get("WWW-Authenticate") != "" {
					t.Errorf("%s with %q: %d, want %d: %.200s", name, header, w.Code, a.code, w.Body)
				}
				continue
			}
			var problem api.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != "Bearer" || problem.Error != a.wanted {
				t.Errorf("%s with %q: %d %s, want 401 and %q", name, header, w.Code, w.Body, a.wanted)
			}
		}
	}
	for name, a := range operations() {
		try(name, a)
	}
	for name, a := range besides() {
		try(name, a)
	}
}

// TestEveryOperationIsTried holds the list of operations to the contract.
func TestEveryOperationIsTried(t *testing.T) {
	spec, err := api.GetSpec()
	if err != nil {
		t.Fatal(err)
	}
	tried := operations()
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			a, known := tried[op.OperationID]
			if !known || a.method != method {
				t.Errorf("%s: %s %s is not tried with each key", op.OperationID, method, path)
			}
			if secured := op.Security != nil && len(*op.Security) > 0; secured != (a.wanted != "" || slices.Contains(inDemonstrations(), op.OperationID)) {
				t.Errorf("%s: its security and what is wanted of who calls it differ", op.OperationID)
			}
			delete(tried, op.OperationID)
		}
	}
	for name := range tried {
		t.Errorf("%s: is no operation of the contract", name)
	}
}

// TestWhatIsSentIsHeldToTheContract sends every operation that takes a body one with a
// field that nobody knows.
func TestWhatIsSentIsHeldToTheContract(t *testing.T) {
	spec, err := api.GetSpec()
	if err != nil {
		t.Fatal(err)
	}
	h, tried := guarded(t), 0
	owner := guestIn(t, h, `{"role":"homeowner"}`)
	for _, item := range spec.Paths.Map() {
		for _, op := range item.Operations() {
			if op.RequestBody == nil || op.RequestBody.Value.Content.Get("application/json") == nil {
				continue // who reads a file checks it
			}
			a := operations()[op.OperationID]
			body := map[string]string{"[]": orders(1, ""), "{}": `{"seconds":10}`}[a.body]
			if body == "" {
				body = a.body
			}
			r := httptest.NewRequestWithContext(t.Context(), a.method, ownPath(a), strings.NewReader(moreThan(body)))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", map[string]string{agentWanted: "Bearer ann's key", installerWanted: "Bearer installer's key", operatorWanted: "Bearer operator's key", accountWanted: "Bearer operator's key", keeperWanted: "Bearer operator's key"}[a.wanted])
			if name, value, _ := strings.Cut(owner, ": "); a.wanted == signInWanted {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if tried++; w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "more") {
				t.Errorf("%s: %d %s, want it refused", op.OperationID, w.Code, w.Body)
			}
		}
	}
	if tried != 35 {
		t.Errorf("%d operations take a body, want 35", tried)
	}
}

// ownPath is the path of a request about a home: where homeowners alone may ask, of the one that
// signs in to a demonstration.
func ownPath(a asked) string {
	if a.wanted != signInWanted {
		return a.path
	}
	return strings.Replace(a.path, "/homes/ann/", "/homes/a/", 1)
}

// TestWithoutAKeyNobodyPairs asks a server that has no installer's key.
func TestWithoutAKeyNobodyPairs(t *testing.T) {
	var market counted
	for _, header := range []string{"", "Bearer ", "Bearer"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/pairing/devices", http.NoBody)
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		entry(t, &market).ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("with %q: %d", header, w.Code)
		}
	}
}
