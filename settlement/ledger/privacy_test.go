package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
)

// TestWhoSeesWhat holds the table of docs/privacy.md to what the contracts answer.
func TestWhoSeesWhat(t *testing.T) {
	rows := tableOf(t, "../../docs/privacy.md")
	onBoth(t, func(t *testing.T, l *ledger.Ledger, day int) {
		args := private(t, l, day)
		callers := onlookers(t, l)
		for _, row := range rows {
			function := strings.Trim(row[1], "`")
			for k, who := range callers {
				_, err := l.Chain().Evaluate(t.Context(), ledger.Call{As: who, Function: function, Args: args[function]})
				if slices.Contains([]string{"rewards:GetEpoch", "bills:Get", "official:GetFile"}, function) && ledger.Refused(err, chaincode.CodeMissing) {
					err = nil // there is none, which is what may be known
				}
				denied := ledger.Refused(err, chaincode.CodeDenied)
				switch want := row[2+k]; {
				case want == "yes" && err != nil:
					t.Errorf("%s, %s: %v", row[0], columns()[k], err)
				case want == "no" && !denied:
					t.Errorf("%s is shown to %s: %v", row[0], columns()[k], err)
				}
			}
		}
		if len(rows) != len(args) {
			t.Errorf("%d rows, %d were checked", len(rows), len(args))
		}
	})
}

func columns() []string {
	return []string{"the member itself", "a neighbour", "the operator", "the utility", "an outsider"}
}

// onlookers are the columns of the table.
func onlookers(t *testing.T, l *ledger.Ledger) []*identity.Identity {
	t.Helper()
	var members [2]*identity.Identity
	for k, name := range []string{"ada", "m-" + point(1)} {
		id, err := l.Names.Member(name)
		must(t, err)
		members[k], err = l.People.Member(id)
		must(t, err)
	}
	outsider, err := l.People.Members.Open("outsider", ledger.Attributes("elsewhere", chaincode.RoleOperator), nil)
	must(t, err)
	return []*identity.Identity{members[0], members[1], l.People.Operator, l.People.Utility, outsider}
}

// private puts on record what the table is about, of the first member, and returns
// how to ask for it.
func private(t *testing.T, l *ledger.Ledger, day int) map[string][]string {
	t.Helper()
	register(t, l, 2)
	owner, battery := "m-"+point(0), point(0)+"/battery"
	record, err := json.Marshal(chaincode.Personal{Salt: "0123456789abcdef", Details: map[string]string{"name": "Ada"}})
	must(t, err)
	member, err := l.Names.Member("ada")
	must(t, err)
	arg, err := json.Marshal(chaincode.Member{Community: community, ID: member, Commitment: fmt.Sprintf("%x", sha256.Sum256(record))})
	must(t, err)
	must(t, l.Chain().Submit(t.Context(), ledger.Call{As: l.People.Operator, Function: "registry:AdmitMember", Args: []string{string(arg)}, Transient: map[string][]byte{chaincode.CollectionPersonal: record}}))
	must(t, l.Register(t.Context(),
		grid.Device{ID: "ada/meter", Kind: grid.Meter, Member: "ada", MeteringPoint: "ada/point"},
		grid.Device{ID: battery, Kind: grid.Battery, Member: owner, MeteringPoint: point(0)}))
	must(t, l.SubmitRun(t.Context(), run(t, l, interval(day, 0), 2)))
	month := fmt.Sprintf("%04d-%02d", 3000+day/12%1000, 1+day%12)
	must(t, l.As(l.People.Operator).Guarantee.Record(t.Context(), chaincode.TopUps{Community: community, Month: month, Root: strings.Repeat("ab", 32), Time: "2026-07-01T00:00:00Z"}))
	account, err := l.Account("ada", "ada/point")
	must(t, err)
	device, err := l.Names.Device(owner, battery)
	must(t, err)
	d := chaincode.Dispute{Community: community, ID: "d-" + member, Member: member, Subject: "a posting", Evidence: "ab", Time: interval(day, 0).Begin().Format(time.RFC3339)}
	must(t, l.As(l.People.Operator).Disputes.Open(t.Context(), d))
	return map[string][]string{
		"registry:GetPersonal": {community, member}, "registry:Get": {community, chaincode.KindDevice, device},
		"settlement:Balance": {community, account}, "settlement:GetRun": {community, interval(day, 0).String(), "1"},
		"guarantee:Get": {community, month}, "bills:Get": {community, "2020-0001"}, "official:GetFile": {community, "none"},
		"rewards:GetStanding": {community, device}, "rewards:GetEpoch": {community, "2020-01-01"}, "disputes:Get": {community, d.ID},
	}
}

// TestNoNamesOnTheLedger looks for every name in all that is on the chain.
func TestNoNamesOnTheLedger(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, day int) {
		must(t, l.Register(t.Context(),
			grid.Device{ID: "lovelace-meter", Kind: grid.Meter, Member: "ada-lovelace", MeteringPoint: "lovelace-point", Serial: "SERIAL-1843"},
			grid.Device{ID: point(0), Kind: grid.Meter, Member: "m-" + point(0), MeteringPoint: point(0)}))
		must(t, l.SubmitRun(t.Context(), run(t, l, interval(day, 0), 1)))
		must(t, l.Persons().SetPersonal(t.Context(), "ada-lovelace", map[string]string{
			chaincode.DetailName: "Countess", chaincode.DetailIBAN: "DE89370400440532013000", chaincode.DetailEMail: "ada@example.org", chaincode.DetailAddress: "Ockham Park",
			chaincode.DetailMandate: "MANDATE-1843", chaincode.DetailDisplay: "enchantress",
		}))
		names := []string{"lovelace", "SERIAL-1843", "m-" + point(0), "Countess", "DE89370400440532013000", "ada@example.org", "Ockham", "MANDATE-1843", "enchantress"}
		blocks := 0
		must(t, l.Chain().Blocks(t.Context(), 0, func(b ledger.Block) error {
			text, err := json.Marshal(b)
			blocks++
			for _, name := range names {
				if bytes.Contains(bytes.ToLower(text), []byte(strings.ToLower(name))) {
					t.Errorf("block %d names %q", b.Number, name)
				}
			}
			return err
		}))
		if blocks < 3 {
			t.Errorf("%d blocks", blocks)
		}
	})
}

// tableOf reads the rows of a document's table whose second cell is a function.
func tableOf(t *testing.T, path string) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for k := range cells {
			cells[k] = strings.TrimSpace(cells[k])
		}
		if len(cells) > 2 && strings.HasPrefix(cells[1], "`") {
			rows = append(rows, cells)
		}
	}
	return rows
}
