package ledger_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
)

// TestAMemberIsForgotten erases a member whose readings cannot be deleted at first: its
// salt stays, so that the same call finds what is left and ends it. A member of
// whom the ledger has nothing is forgotten just so.
func TestAMemberIsForgotten(t *testing.T) {
	dir := t.TempDir()
	names, err := ledger.OpenNames(filepath.Join(dir, ledger.NamesFile))
	must(t, err)
	l, err := embedded.OpenLedger(t.Context(), dir, community, "EUR", names)
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	id, err := names.Member("ada")
	must(t, err)
	person, err := json.Marshal(chaincode.Personal{Salt: "0123456789abcdef", Details: map[string]string{"name": "Ada"}})
	must(t, err)
	arg, err := json.Marshal(chaincode.Member{Community: community, ID: id, Commitment: fmt.Sprintf("%x", sha256.Sum256(person))})
	must(t, err)
	must(t, l.Chain().Submit(t.Context(), ledger.Call{
		As: l.People.Operator, Function: "registry:AdmitMember", Args: []string{string(arg)}, Transient: map[string][]byte{chaincode.CollectionPersonal: person},
	}))
	errLocked := errors.New("the readings are locked")
	const (
		purged  = "purged from the ledger's private collection what it had of the member's person"
		deleted = "deleted its signed readings"
	)
	_, err = names.Member("bob")
	must(t, err)
	for _, c := range []struct {
		member   string
		readings error
		steps    []string
	}{
		{"ada", errLocked, []string{purged}},
		{"ada", nil, []string{purged, deleted}},
		{"bob", nil, []string{purged, deleted}},
	} {
		var steps []string
		err := l.Erase(t.Context(), c.member, func(_ context.Context, member string) error {
			if member != c.member {
				t.Errorf("the readings of %q are deleted", member)
			}
			return c.readings
		}, func(step string) { steps = append(steps, step) })
		if !errors.Is(err, c.readings) || !slices.Equal(steps, c.steps) || (names.Known(c.member) == nil) != (c.readings == nil) {
			t.Errorf("%s: error %v after %q; the salt is known: %t", c.member, err, steps, names.Known(c.member) != nil)
		}
	}
	_, err = l.As(l.People.Operator).Registry.GetPersonal(t.Context(), id)
	expect(t, "read after it was forgotten", chaincode.CodeMissing, err)
}
