package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

// What somebody may do who has signed in to a demonstration by a click, in a role that may do it
// with an account.
const (
	asTheRole  = "as the role" // answered as somebody of the role with an account is
	outlives   = "outlives"    // refused: it outlives the demonstration or reaches beyond it
	ofAnOwn    = "of an own"   // refused: it is about an account of one's own
	notPeoples = "not people's"
)

// forGuests says of every operation of the contract what a guest may. Written out: a new
// operation is refused here until somebody has thought about it.
func forGuests() map[string]string {
	return map[string]string{
		"getSession": asTheRole, "openSession": asTheRole, "closeSession": asTheRole, "openDemonstration": asTheRole, "openFirst": asTheRole,
		"beginPasskey": asTheRole, "openPasskey": asTheRole, "beginOidc": asTheRole, "openOidc": asTheRole,
		"lookInvitation": asTheRole, "acceptInvitation": asTheRole, "askRecovery": asTheRole, "recoverAccount": asTheRole,
		"withdrawInvitation": outlives, "listAccounts": outlives, "inviteAccount": outlives, "changeAccount": outlives, "removeAccount": outlives, "linkAccount": outlives,
		"forgetTries": outlives, "getAudit": outlives,
		"getAccount": ofAnOwn, "setAccount": outlives, "changePassword": outlives, "endSessions": outlives, "endSession": outlives, "makeKey": outlives, "removeKey": outlives,
		"beginPasskeyAdding": outlives, "addPasskey": outlives, "removePasskey": outlives, "beginOidcBinding": outlives, "removeIdentity": outlives, "listKeys": outlives,
		"getStatus": asTheRole, "getState": asTheRole, "watchState": asTheRole, "getPrice": asTheRole, "getRecord": asTheRole, "listIntervals": asTheRole, "listDisputes": asTheRole, "getMarket": asTheRole,
		"getPostings": asTheRole, "getLedger": asTheRole, "searchLedger": asTheRole, "getLedgerTotals": asTheRole, "provePosting": asTheRole, "proveConsistency": asTheRole,
		"downloadPostings": asTheRole, "downloadBundle": asTheRole, "getRewards": asTheRole, "getFund": asTheRole,
		"getLimits": asTheRole, "setLimits": asTheRole, "resetLimits": asTheRole, "getPlan": asTheRole, "getSkill": asTheRole, "getHistory": asTheRole, "getMoney": asTheRole,
		"listHomeBills": asTheRole, "getHomeBill": asTheRole, "printHomeBill": asTheRole, "openHomeBillLine": asTheRole, "openHomeBillInterval": asTheRole,
		"listReadings": asTheRole, "getBatch": asTheRole, "getConsent": asTheRole, "setConsent": asTheRole,
		"getNotices": asTheRole, "setNotices": asTheRole, "subscribePush": asTheRole, "unsubscribePush": asTheRole, "turnNoticeOff": asTheRole, "getMeasures": asTheRole,
		"getMembers": asTheRole, "importMembers": asTheRole, "getBalance": asTheRole, "transferMoney": asTheRole,
		"submitOrders": notPeoples, "listOrders": notPeoples, "cancelOrders": notPeoples, "listFills": notPeoples, "getBestPrices": notPeoples, "streamOrders": notPeoples,
		"getTrader": notPeoples, "getOrder": notPeoples, "replaceOrder": notPeoples, "cancelOrder": notPeoples,
		"listDevices": asTheRole, "changeDevice": asTheRole, "removeDevice": asTheRole, "tryDevice": asTheRole, "discoverDevices": asTheRole, "listPairedDevices": asTheRole,
		"listProfiles": asTheRole, "listPairings": asTheRole, "beginPairing": asTheRole, "getPairing": asTheRole, "endPairing": asTheRole, "measurePairing": asTheRole,
		"checkPairingSign": asTheRole, "bindPairing": asTheRole, "watchPairing": asTheRole,
		"getCommunity": asTheRole, "listTariffs": asTheRole, "pushPrices": asTheRole, "listValues": asTheRole, "importValues": asTheRole, "reconcileValues": asTheRole,
		"restoreDevice": asTheRole, "getResearchHistory": asTheRole, "listHomeObjections": asTheRole, "objectToValue": asTheRole, "listObjections": asTheRole, "decideObjection": asTheRole, "withdrawObjection": asTheRole, "getHomeValues": asTheRole,
		"listBills": asTheRole, "draftBills": asTheRole, "getBill": asTheRole, "approveBill": asTheRole, "cancelBill": asTheRole, "payBill": asTheRole, "printBill": asTheRole,
		"openBillLine": asTheRole, "openBillInterval": asTheRole, "exportBills": asTheRole, "sendBills": outlives, "makeBackup": outlives, "getOperation": asTheRole,
		"listScenarios": asTheRole, "listRuns": asTheRole, "startRun": asTheRole, "getRun": asTheRole, "endRun": asTheRole, "getRunFile": asTheRole, "plotRuns": asTheRole,
	}
}

// TestWhatAGuestMay tries every operation of the contract with each of the people that one click
// makes of whoever comes to a demonstration: none of them does what is left when the demonstration
// is over, or reaches beyond it, and the sentence says how to do it all the same.
func TestWhatAGuestMay(t *testing.T) {
	spec, err := api.GetSpec()
	if err != nil {
		t.Fatal(err)
	}
	said := forGuests()
	h := behindPeopled(t, web.Access{}, newWishes().planning(), web.People{Book: newBook(t)})
	for _, item := range spec.Paths.Map() {
		for _, op := range item.Operations() {
			may, known := said[op.OperationID]
			if !known {
				t.Errorf("%s: say in forGuests what somebody may who came to a demonstration by a click", op.OperationID)
			}
			delete(said, op.OperationID)
			for role := range strings.FieldsSeq(forPeople()[op.OperationID]) {
				tryAsGuest(t, h, op.OperationID, role, may)
			}
			if (may == notPeoples) != (forPeople()[op.OperationID] == "") {
				t.Errorf("%s: %s, and people may who are %q", op.OperationID, may, forPeople()[op.OperationID])
			}
		}
	}
	for name := range said {
		t.Errorf("%s: is no operation of the contract", name)
	}
}

func tryAsGuest(t *testing.T, h http.Handler, name, role, may string) {
	t.Helper()
	a := operations()[name]
	path := strings.Replace(a.path, "/homes/ann/", "/homes/a/", 1)
	mayAgain(t, h)
	w := knock(t, h, a.method, path, a.body, guestIn(t, h, `{"role":"`+role+`"}`), "Content-Type: application/json")
	var problem api.Problem
	_ = json.Unmarshal(w.Body.Bytes(), &problem)
	switch may {
	case asTheRole:
		if w.Code != a.code {
			t.Errorf("%s as %s: %d, want %d: %.200s", name, role, w.Code, a.code, w.Body)
		}
	case outlives:
		if w.Code != http.StatusForbidden || !strings.Contains(problem.Error, "outlives the demonstration") || !strings.Contains(problem.Error, "commonwatt account invite") {
			t.Errorf("%s as %s: %d, want it refused: %.200s", name, role, w.Code, w.Body)
		}
	case ofAnOwn:
		if w.Code != http.StatusForbidden || !strings.Contains(problem.Error, "there is no account behind this") {
			t.Errorf("%s as %s: %d, want it refused: %.200s", name, role, w.Code, w.Body)
		}
	}
}

// TestAGuestWithTheOperatorsKey does what the key may: a program on this machine is not kept from
// it by a cookie.
func TestAGuestWithTheOperatorsKey(t *testing.T) {
	h := behindPeopled(t, web.Access{}, newWishes().planning(), web.People{Book: newBook(t)})
	w := knock(t, h, http.MethodPost, "/api/v1/accounts", `{"role":"utility"}`, guestIn(t, h, `{"role":"operator"}`), "Authorization: Bearer operator's key", "Content-Type: application/json")
	if w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestAnAccountInADemonstration may what its role may: it was given out on the machine itself.
func TestAnAccountInADemonstration(t *testing.T) {
	book := newBook(t)
	h := behindPeopled(t, web.Access{}, newWishes().planning(), web.People{Book: book})
	withAccount(t, book, auth.Operator, "")
	operator := signIn(t, h, "operator@x.example")
	for name, may := range forGuests() {
		if a := operations()[name]; may == outlives && a.wanted == operatorWanted {
			if w := knock(t, h, a.method, a.path, a.body, operator, "Content-Type: application/json"); w.Code != a.code {
				t.Errorf("%s: %d, want %d: %.200s", name, w.Code, a.code, w.Body)
			}
		}
	}
}

// TestAGuestImportsNobody looks at what a list of members would change, and changes nothing: people's
// addresses stay where they were written.
func TestAGuestImportsNobody(t *testing.T) {
	h := behindPeopled(t, web.Access{}, newWishes().planning(), web.People{Book: newBook(t)})
	guest := guestIn(t, h, `{"role":"operator"}`)
	for query, code := range map[string]int{"": http.StatusOK, "?apply=false": http.StatusOK, "?apply=true": http.StatusForbidden} {
		w := knock(t, h, http.MethodPost, "/api/v1/members"+query, "number,name\n1,Ann\n", guest)
		if w.Code != code || code == http.StatusForbidden && !strings.Contains(w.Body.String(), "outlives the demonstration") {
			t.Errorf("%q: %d %s", query, w.Code, w.Body)
		}
	}
}

// TestAGuestAsksSimulatedDevicesAlone has a demonstration's installer look for devices beyond this
// machine, on its serial lines, and with files of its own: nothing is asked.
func TestAGuestAsksSimulatedDevicesAlone(t *testing.T) {
	h := behindPeopled(t, web.Access{}, newWishes().planning(), web.People{Book: newBook(t)})
	guest := guestIn(t, h, `{"role":"installer"}`)
	for _, c := range []struct{ path, body string }{
		{"/api/v1/pairing/discover", `{"places":"192.0.2.0/30"}`},
		{"/api/v1/pairing/discover", `{"places":"127.0.0.1:1,192.0.2.1"}`},
		{"/api/v1/pairing/discover", `{"places":"inverter.example"}`},
		{"/api/v1/pairing/discover", `{"places":"localhost.example:502"}`},
		{"/api/v1/pairing/sessions", `{"target":"192.0.2.1:502"}`},
		{"/api/v1/pairing/sessions", `{"target":"rtu:///dev/ttyUSB0"}`},
		{"/api/v1/pairing/sessions", `{"target":"tcp://0.0.0.0:502"}`},
		{"/api/v1/pairing/sessions", `{"target":"tls://127.0.0.1:802?cert=/etc/passwd&key=/etc/passwd&ca=/etc/passwd"}`},
	} {
		w := knock(t, h, http.MethodPost, c.path, c.body, guest, "Content-Type: application/json")
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "simulated devices alone") {
			t.Errorf("%s: %d %s", c.body, w.Code, w.Body)
		}
	}
	w := knock(t, h, http.MethodPost, "/api/v1/pairing/discover", `{"places":"127.0.0.1:1"}`, guest, "Content-Type: application/json")
	if w.Code != http.StatusOK {
		t.Errorf("of this machine: %d %s", w.Code, w.Body)
	}
}
