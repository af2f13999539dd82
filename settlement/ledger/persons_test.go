package ledger_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// TestPersons keeps, changes, and erases what is known of a member's person. The commitment
// on the ledger follows each change, and differs where a member goes back to what it had.
func TestPersons(t *testing.T) {
	onBoth(t, func(t *testing.T, l *ledger.Ledger, day int) {
		register(t, l, 1)
		admitted, newcomer := "m-"+point(0), fmt.Sprintf("newcomer-%d", day)
		persons := l.Persons()
		if details, err := persons.Personal(t.Context(), admitted); err != nil || details != nil {
			t.Errorf("before anything: %v %v", details, err)
		}
		ann := map[string]string{chaincode.DetailNumber: admitted, chaincode.DetailName: "Анна Мюллер", chaincode.DetailIBAN: "DE89370400440532013000"}
		moved := maps.Clone(ann)
		moved[chaincode.DetailAddress] = "Elm Street 1"
		id, err := l.Names.Member(admitted)
		must(t, err)
		seen := map[string]bool{}
		for n, details := range []map[string]string{ann, moved, ann} {
			must(t, persons.SetPersonal(t.Context(), admitted, details))
			got, err := persons.Personal(t.Context(), admitted)
			if err != nil || !maps.Equal(got, details) {
				t.Errorf("change %d: %v %v", n, got, err)
			}
			kept, err := l.As(l.People.Operator).Registry.Get(t.Context(), chaincode.KindMember, id)
			must(t, err)
			seen[string(kept.Value)] = true
		}
		if len(seen) != 3 {
			t.Errorf("%d commitments of three records", len(seen))
		}
		must(t, persons.SetPersonal(t.Context(), newcomer, map[string]string{chaincode.DetailNumber: newcomer}))
		register(t, l, 1) // who is known is registered again at every start
		if got, err := persons.Personal(t.Context(), admitted); err != nil || !maps.Equal(got, ann) {
			t.Errorf("after a start: %v %v", got, err)
		}
		must(t, l.As(l.People.Operator).Registry.EraseMember(t.Context(), id))
		if got, err := persons.Personal(t.Context(), admitted); err != nil || got != nil {
			t.Errorf("after it was erased: %v %v", got, err)
		}
		m := chaincode.Member{Community: community, ID: id, Commitment: "ab"}
		expect(t, "a record that its commitment does not fit", chaincode.CodeInvalid, l.As(l.People.Operator).Registry.ChangePersonal(t.Context(), m, []byte(`{"salt":"0123456789abcdef","details":{}}`)))
		expect(t, "an installer", chaincode.CodeDenied, l.As(l.People.Installer).Registry.ChangePersonal(t.Context(), m, []byte(`{}`)))
		m.ID = "nobody"
		expect(t, "a stranger", chaincode.CodeMissing, l.As(l.People.Operator).Registry.ChangePersonal(t.Context(), m, []byte(`{}`)))
	})
}
