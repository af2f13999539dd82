package ledger_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
	"github.com/commonwatt/commonwatt/tariff"
)

const community = "test"

// onBoth runs a test on the embedded ledger and, where Fabric's binaries are, on
// a real network. days apart keep the tests on the one network out of each
// other's way.
func onBoth(t *testing.T, test func(t *testing.T, l *ledger.Ledger, day int)) {
	t.Helper()
	h := fnv.New64a()
	_, _ = h.Write([]byte(t.Name()))
	seed, day := h.Sum64(), int(h.Sum64()%10_000)
	t.Run("embedded", func(t *testing.T) {
		l, err := embedded.OpenLedger(t.Context(), t.TempDir(), community, "EUR", ledger.SeededNames(seed))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		test(t, l, day)
	})
	t.Run("fabric", func(t *testing.T) {
		l, _ := openFabric(t, seed)
		test(t, l, day)
	})
}

func register(t testing.TB, l *ledger.Ledger, points int) {
	t.Helper()
	var devices []grid.Device
	for i := range points {
		p := point(i)
		devices = append(devices, grid.Device{ID: p + "/meter", Kind: grid.Meter, Member: "m-" + p, MeteringPoint: p})
	}
	if err := l.Register(t.Context(), devices...); err != nil {
		t.Fatal(err)
	}
}

func point(i int) string { return fmt.Sprintf("mp-%04d", i) }

func interval(day, number int) grid.Interval {
	const aDay = 86_400
	return grid.Interval{Start: 1_767_225_600 + int64(day)*aDay, Minutes: 15}.Shift(number)
}

// run settles an interval with points that draw 100 Wh and more.
func run(t testing.TB, l *ledger.Ledger, i grid.Interval, points int) record.Run {
	t.Helper()
	in := settlement.Input{
		Community: community, Interval: i, Run: 1, Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 300_000},
		Points: map[string]settlement.Point{},
	}
	for i := range points {
		account, err := l.Account("m-"+point(i), point(i))
		must(t, err)
		in.Points[point(i)] = settlement.Point{Account: account}
		in.Metered = append(in.Metered, record.Metered{MeteringPoint: point(i), Flow: grid.Flow{Import: grid.Energy(100 + i)}, Quality: grid.Good})
	}
	r, err := settlement.Settle(in)
	if err != nil {
		t.Fatal(err)
	}
	return r.Record()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, what, code string, err error) {
	t.Helper()
	var refused *ledger.ContractError
	if !errors.As(err, &refused) || refused.Code != code {
		t.Errorf("%s: error %v, want %s", what, err, code)
	}
}

func TestSubmittingAgainChangesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, day int) {
		register(t, l, 100)
		r := run(t, l, interval(day, 0), 100)
		before, err := l.Balance(t.Context(), record.Utility)
		must(t, err)
		must(t, l.SubmitRun(t.Context(), r))
		height, _, err := l.Head(t.Context())
		must(t, err)
		must(t, l.SubmitRun(t.Context(), r))
		for _, b := range r.Batches { // past what the ledger itself leaves out
			must(t, l.As(l.People.Operator).Settlement.PostBatch(t.Context(), b))
		}
		must(t, l.As(l.People.Operator).Settlement.OpenRun(t.Context(), r.Manifest))
		if again, _, err := l.Head(t.Context()); err != nil || again != height {
			t.Errorf("height %d became %d: %v", height, again, err)
		}
		postings, err := l.Postings(t.Context(), interval(day, 0))
		if err != nil || !sameSet(postings, r.Postings()) {
			t.Errorf("%d postings on the ledger, %d were submitted: %v", len(postings), len(r.Postings()), err)
		}
		after, err := l.Balance(t.Context(), record.Utility)
		var turnover grid.Money
		for _, p := range r.Postings() {
			turnover += p.Amount
		}
		if err != nil || after-before != turnover {
			t.Errorf("the utility's balance grew by %d, want %d: %v", after-before, turnover, err)
		}
	})
}

func sameSet(a, b []record.Posting) bool {
	count := map[record.Posting]int{}
	for _, p := range a {
		count[p]++
	}
	for _, p := range b {
		count[p]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return len(a) == len(b)
}

// TestSubmitGoesOnWhereItStopped stops a submission after each of its steps.
func TestSubmitGoesOnWhereItStopped(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, day int) {
		register(t, l, 100)
		for stop := range 4 {
			r := run(t, l, interval(day, stop), 100) // two batches
			operator := l.As(l.People.Operator)
			steps := []func() error{
				func() error { return operator.Settlement.OpenRun(t.Context(), r.Manifest) },
				func() error { return operator.Settlement.PostBatch(t.Context(), r.Batches[1]) },
				func() error { return operator.Settlement.PostBatch(t.Context(), r.Batches[0]) },
			}
			for _, step := range steps[:stop] {
				must(t, step())
			}
			must(t, l.SubmitRun(t.Context(), r))
			postings, err := l.Postings(t.Context(), interval(day, stop))
			if err != nil || !sameSet(postings, r.Postings()) {
				t.Errorf("stopped after %d steps: %d postings, want %d: %v", stop, len(postings), len(r.Postings()), err)
			}
		}
	})
}

func TestSettlementRefuses(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, day int) {
		register(t, l, 2)
		operator := l.People.Operator
		r := run(t, l, interval(day, 0), 2)
		expect(t, "a batch without a manifest", chaincode.CodeMissing, l.As(operator).Settlement.PostBatch(t.Context(), r.Batches[0]))
		must(t, l.As(operator).Settlement.OpenRun(t.Context(), r.Manifest))
		other := r.Manifest
		other.ReadingRoot = "another"
		expect(t, "another manifest", chaincode.CodeConflict, l.As(operator).Settlement.OpenRun(t.Context(), other))
		forged := r.Batches[0]
		forged.Postings = append([]record.Posting(nil), forged.Postings...)
		forged.Postings[0].Amount++
		expect(t, "a batch that was not announced", chaincode.CodeConflict, l.As(operator).Settlement.PostBatch(t.Context(), forged))
		expect(t, "closing before the batches", chaincode.CodeMissing, l.As(operator).Settlement.CloseRun(t.Context(), r.Manifest))
		expect(t, "an unknown field", chaincode.CodeInvalid, l.Chain().Submit(t.Context(), ledger.Call{As: operator, Function: "settlement:OpenRun", Args: []string{`{"colour":"red"}`}}))
		second := r.Manifest
		second.Run = 2
		expect(t, "run 2 before run 1 is closed", chaincode.CodeMissing, l.As(operator).Settlement.OpenRun(t.Context(), second))
		expect(t, "a metering point named as a system account", chaincode.CodeInvalid,
			l.Register(t.Context(), grid.Device{ID: "d", Kind: grid.Meter, Member: "m", MeteringPoint: "utility"}))
		stranger := run(t, l, interval(day, 1), 3) // the third is not registered
		must(t, l.As(operator).Settlement.OpenRun(t.Context(), stranger.Manifest))
		expect(t, "an unregistered metering point", chaincode.CodeMissing, l.As(operator).Settlement.PostBatch(t.Context(), stranger.Batches[0]))
		for name, spoil := range map[string]func(*record.Posting){
			"a negative amount":      func(p *record.Posting) { p.Amount = -1 },
			"the same account twice": func(p *record.Posting) { p.Credit = p.Debit },
			"another id":             func(p *record.Posting) { p.ID = "x" },
		} {
			bad := run(t, l, interval(day, 10+len(name)), 2)
			spoil(&bad.Batches[0].Postings[0])
			b, err := json.Marshal(bad.Batches[0])
			must(t, err)
			bad.Manifest.BatchDigests[0] = fmt.Sprintf("%x", sha256.Sum256(b))
			must(t, l.As(operator).Settlement.OpenRun(t.Context(), bad.Manifest))
			expect(t, name, chaincode.CodeInvalid, l.As(operator).Settlement.PostBatch(t.Context(), bad.Batches[0]))
		}
	})
}

// TestMoneyOutsideOfRuns deposits, withdraws and folds: balances stay right, and
// a payment counts once.
func TestMoneyOutsideOfRuns(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, day int) {
		register(t, l, 1)
		account, err := l.Account("m-"+point(0), point(0))
		must(t, err)
		date := interval(day, 0).Begin().Format("2006-01-02")
		operator := l.As(l.People.Operator)
		pay := func(way func(context.Context, chaincode.Transfer) error, reference string, amount int64) error {
			return way(t.Context(), chaincode.Transfer{
				Community: community, Reference: reference + account, Account: account, Amount: amount, Time: date + "T10:00:00Z",
			})
		}
		must(t, pay(operator.Settlement.Deposit, "d1", 1_000))
		must(t, pay(operator.Settlement.Deposit, "d1", 1_000)) // again
		expect(t, "the same payment with another amount", chaincode.CodeConflict, pay(operator.Settlement.Deposit, "d1", 2_000))
		expect(t, "more than there is", chaincode.CodeFunds, pay(operator.Settlement.Withdraw, "w0", 1_001))
		must(t, pay(operator.Settlement.Withdraw, "w1", 400))
		for range 2 {
			must(t, l.Fold(t.Context(), interval(day, 0).Begin()))
			if b, err := l.Balance(t.Context(), account); err != nil || b != 600 {
				t.Errorf("balance %d, %v, want 600", b, err)
			}
		}
		must(t, pay(operator.Settlement.Withdraw, "w2", 600))
		if b, err := l.Balance(t.Context(), account); err != nil || b != 0 {
			t.Errorf("balance %d, %v, want 0", b, err)
		}
	})
}

// TestHistory follows a gateway's keys through admission, change and revocation.
func TestHistory(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, day int) {
		gateway := fmt.Sprintf("gw-history-%d", day)
		for range 2 {
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			must(t, err)
			public, err := proof.EncodeKey(&key.PublicKey)
			must(t, err)
			must(t, l.RegisterGateway(t.Context(), gateway, public))
		}
		must(t, l.As(l.People.Operator).Registry.Revoke(t.Context(), chaincode.Revocation{
			Community: community, Kind: chaincode.KindGateway, ID: gateway, At: interval(day, 1).Begin().Format(time.RFC3339), Reason: "stolen",
		}))
		changes, err := l.As(l.People.Utility).Registry.GetHistory(t.Context(), chaincode.KindGateway, gateway)
		must(t, err)
		var of [3]struct {
			Value   []chaincode.GatewayKey
			Revoked string
		}
		for k, c := range changes[:min(len(of), len(changes))] {
			must(t, json.Unmarshal(c.Value, &of[k]))
		}
		if len(changes) != 3 || of[0].Revoked == "" || len(of[1].Value) != 2 || len(of[2].Value) != 1 || changes[0].Tx == changes[1].Tx {
			t.Errorf("history %+v", changes)
		}
	})
}

func TestRevocation(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, day int) {
		register(t, l, 2)
		account, err := l.Account("m-"+point(0), point(0))
		must(t, err)
		revoke := chaincode.Revocation{Community: community, Kind: chaincode.KindMeteringPoint, ID: account, At: interval(day, 1).Begin().Format("2006-01-02T15:04:05Z"), Reason: "moved"}
		expect(t, "revoked by an installer", chaincode.CodeDenied, l.As(l.People.Installer).Registry.Revoke(t.Context(), revoke))
		must(t, l.As(l.People.Operator).Registry.Revoke(t.Context(), revoke))
		must(t, l.As(l.People.Operator).Registry.Revoke(t.Context(), revoke))
		earlier := revoke
		earlier.Reason = "another"
		expect(t, "revoked again otherwise", chaincode.CodeConflict, l.As(l.People.Operator).Registry.Revoke(t.Context(), earlier))
		must(t, l.SubmitRun(t.Context(), run(t, l, interval(day, 0), 2))) // before it
		expect(t, "a run after it", chaincode.CodeInvalid, l.SubmitRun(t.Context(), run(t, l, interval(day, 1), 2)))
		register(t, l, 2) // the same again is no new admission
		expect(t, "a run after it, registered again", chaincode.CodeInvalid, l.SubmitRun(t.Context(), run(t, l, interval(day, 1), 2)))
	})
}

// TestPersonalDataIsErasable keeps a member's record in the private collection,
// shows it to whom it may be shown, and purges it.
func TestPersonalDataIsErasable(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, _ int) {
		id, err := l.Names.Member("ada")
		must(t, err)
		record, err := json.Marshal(chaincode.Personal{Salt: "0123456789abcdef", Details: map[string]string{"name": "Ada"}})
		must(t, err)
		member := chaincode.Member{Community: community, ID: id, Commitment: fmt.Sprintf("%x", sha256.Sum256(record))}
		arg, err := json.Marshal(member)
		must(t, err)
		call := ledger.Call{As: l.People.Operator, Function: "registry:AdmitMember", Args: []string{string(arg)}, Transient: map[string][]byte{chaincode.CollectionPersonal: record}}
		wrong := call
		wrong.Transient = map[string][]byte{chaincode.CollectionPersonal: []byte(`{"salt":"0123456789abcdef","details":{"name":"Eve"}}`)}
		expect(t, "a record that was not committed to", chaincode.CodeInvalid, l.Chain().Submit(t.Context(), wrong))
		wrong.Transient = map[string][]byte{chaincode.CollectionPersonal: []byte(`{"salt":"","details":{"name":"Ada"}}`)}
		expect(t, "a record without salt", chaincode.CodeInvalid, l.Chain().Submit(t.Context(), wrong))
		must(t, l.Chain().Submit(t.Context(), call))
		if got, err := l.As(l.People.Utility).Registry.GetPersonal(t.Context(), id); err != nil || string(got) != string(record) {
			t.Errorf("the utility reads %q, %v", got, err)
		}
		stranger, err := l.People.Member("someone-else")
		must(t, err)
		_, err = l.As(stranger).Registry.GetPersonal(t.Context(), id)
		expect(t, "another member reads it", chaincode.CodeDenied, err)
		must(t, l.As(l.People.Operator).Registry.EraseMember(t.Context(), id))
		_, err = l.As(l.People.Operator).Registry.GetPersonal(t.Context(), id)
		expect(t, "read after it was erased", chaincode.CodeMissing, err)
	})
}

func TestDispute(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, day int) {
		register(t, l, 2)
		id, err := l.Names.Member("m-" + point(0))
		must(t, err)
		account, err := l.Account("m-"+point(0), point(0))
		must(t, err)
		member, err := l.People.Member(id)
		must(t, err)
		other, err := l.Names.Member("m-" + point(1))
		must(t, err)
		neighbour, err := l.People.Member(other)
		must(t, err)
		d := chaincode.Dispute{Community: community, ID: "d" + id, Member: id, Subject: "a posting", Evidence: "ab", Time: interval(day, 0).Begin().Format("2006-01-02T15:04:05Z")}
		expect(t, "opened by a neighbour", chaincode.CodeDenied, l.As(neighbour).Disputes.Open(t.Context(), d))
		must(t, l.As(member).Disputes.Open(t.Context(), d))
		end := chaincode.Resolution{Community: community, ID: d.ID, Upheld: true, Debit: "fund", Credit: account, Amount: 70, Reason: "meter", Time: d.Time}
		expect(t, "resolved before it was answered", chaincode.CodeMissing, l.As(l.People.Utility).Disputes.Resolve(t.Context(), end))
		must(t, l.As(l.People.Operator).Disputes.Respond(t.Context(), chaincode.Response{Community: community, ID: d.ID, Evidence: "cd", Time: d.Time}))
		expect(t, "resolved by the operator", chaincode.CodeDenied, l.As(l.People.Operator).Disputes.Resolve(t.Context(), end))
		rejected := end
		rejected.Upheld = false
		expect(t, "an adjustment of a dispute that is not upheld", chaincode.CodeInvalid, l.As(l.People.Utility).Disputes.Resolve(t.Context(), rejected))
		must(t, l.As(l.People.Utility).Disputes.Resolve(t.Context(), end))
		if b, err := l.Balance(t.Context(), account); err != nil || b != 70 {
			t.Errorf("balance %d after the adjustment, %v, want 70", b, err)
		}
		read, err := l.As(member).Disputes.Get(t.Context(), d.ID)
		if err != nil || read.Dispute != d || read.Response == nil || read.Resolution == nil || *read.Resolution != end {
			t.Errorf("the member reads %+v, %v", read, err)
		}
		index, err := l.Index(t.Context())
		must(t, err)
		listed, err := index.Disputes(t.Context())
		if at := slices.IndexFunc(listed, func(f ledger.DisputeFile) bool { return f.Dispute == d }); err != nil || at < 0 || !reflect.DeepEqual(listed[at], read) {
			t.Errorf("the index lists %+v, %v, want %+v among them", listed, err, read)
		}
	})
}

// TestEveryFunctionRefusesTheWrongRole calls every function of every contract, as
// the contracts themselves list them, with certificates of no role, of another
// community, and of a role that only another organisation may vouch for.
func TestEveryFunctionRefusesTheWrongRole(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, _ int) {
		functions := functionsOf(t)
		utility := openUtility(t, l)
		callers := map[string]*identity.Identity{}
		for name, attributes := range map[string]map[string]string{
			"visitor":  ledger.Attributes(community, "visitor"),
			"stranger": ledger.Attributes("elsewhere", chaincode.RoleOperator),
			"nobody":   nil,
		} {
			who, err := l.People.Members.Open(name, attributes, nil)
			must(t, err)
			callers[name] = who
		}
		for _, role := range []string{chaincode.RoleOperator, chaincode.RoleInstaller, chaincode.RoleGovernor, chaincode.RoleMember} {
			who, err := utility.Open("false-"+role, ledger.Attributes(community, role), nil)
			must(t, err)
			callers["the utility's "+role] = who
		}
		posing, err := l.People.Members.Open("false-utility", ledger.Attributes(community, chaincode.RoleUtility), nil)
		must(t, err)
		callers["the community's utility"] = posing
		for name, who := range callers {
			for function, args := range functions {
				_, err := l.Chain().Evaluate(t.Context(), ledger.Call{As: who, Function: function, Args: args})
				expect(t, name+" calls "+function, chaincode.CodeDenied, err)
			}
		}
	})
}

// TestRolesAreAsDocumented calls every function in every role of the community: who
// is not in the table of docs/contracts.md is refused, who is gets further.
func TestRolesAreAsDocumented(t *testing.T) {
	documented := rolesOf(t)
	onBoth(t, func(t *testing.T, l *ledger.Ledger, _ int) {
		member, err := l.People.Member("somebody")
		must(t, err)
		callers := map[string]*identity.Identity{
			chaincode.RoleOperator: l.People.Operator, chaincode.RoleInstaller: l.People.Installer, chaincode.RoleGovernor: l.People.Governor,
			chaincode.RoleMember: member, chaincode.RoleUtility: l.People.Utility,
		}
		functions := functionsOf(t)
		if len(documented) != len(functions) {
			t.Errorf("%d functions are documented, there are %d", len(documented), len(functions))
		}
		for function, args := range functions {
			for role, who := range callers {
				_, err := l.Chain().Evaluate(t.Context(), ledger.Call{As: who, Function: function, Args: args})
				if !slices.Contains(documented[function], role) {
					expect(t, role+" calls "+function, chaincode.CodeDenied, err)
				} else if err != nil && strings.Contains(err.Error(), "may not do this") {
					t.Errorf("%s calls %s: %v", role, function, err)
				}
			}
		}
	})
}

// rolesOf reads the tables of docs/contracts.md.
func rolesOf(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/contracts.md")
	must(t, err)
	all := map[string][]string{}
	contract := ""
	for line := range strings.Lines(string(text)) {
		if name, found := strings.CutPrefix(line, "## "); found {
			contract = strings.TrimSpace(name)
		}
		const cells = 6 // with the empty ones before the first bar and after the last
		if row := strings.Split(line, "|"); len(row) == cells && strings.HasPrefix(row[1], " `") {
			all[contract+":"+strings.Trim(row[1], " `")] = strings.Split(strings.TrimSpace(row[3]), ", ")
		}
	}
	return all
}

// openUtility opens the utility's authority, which in a test is at hand.
func openUtility(t *testing.T, l *ledger.Ledger) *identity.Authority {
	t.Helper()
	a, err := identity.OpenAuthority(strings.Replace(l.People.Members.Dir(), "community", "utility", 1), ledger.MSPUtility)
	must(t, err)
	return a
}

// functionsOf lists the functions of the contracts with arguments that name the
// community.
func functionsOf(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for name, contract := range map[string]any{
		"registry": &chaincode.Registry{}, "settlement": &chaincode.Settlement{}, "rewards": &chaincode.Rewards{}, "disputes": &chaincode.Disputes{},
		"guarantee": &chaincode.Guarantee{}, "official": &chaincode.Official{}, "bills": &chaincode.Bills{},
	} {
		kind := reflect.TypeOf(contract)
		inherited := reflect.TypeFor[*contractapi.Contract]()
		for m := range kind.Methods() {
			if _, own := inherited.MethodByName(m.Name); own {
				continue
			}
			var args []string
			if in := m.Type.NumIn() - 2; in == 1 { // receiver and context
				args = []string{argument(m.Name)}
			} else {
				args = []string{community}
				for range in - 1 {
					args = append(args, "1")
				}
			}
			all[name+":"+m.Name] = args
		}
	}
	const functions = 35
	if len(all) < functions {
		t.Fatalf("%d functions found: %v", len(all), all)
	}
	return all
}

func argument(function string) string {
	if function == "FoundCommunity" {
		return `{"id":"test","currency":"EUR","utility":"Utility"}`
	}
	return `{"community":"test"}`
}
