package fabric_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric"
)

// TestWhomToTrustIsGiven reads what an auditor of an existing network brings along, and
// names the field of each thing that is missing.
func TestWhomToTrustIsGiven(t *testing.T) {
	dir := t.TempDir()
	people, err := ledger.OpenPeople(dir, "elm")
	if err != nil {
		t.Fatal(err)
	}
	ca := func(of string) string { return filepath.Join(dir, of, "ca.pem") }
	own := filepath.Join(people.Members.Dir(), chaincode.RoleOperator)
	junk := filepath.Join(dir, "junk.pem")
	if err := os.WriteFile(junk, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(o *fabric.Outside){
		"": func(*fabric.Outside) {},
		`authorities: the CA certificates of "Community" and "Utility" must be given`: func(o *fabric.Outside) { delete(o.Authorities, ledger.MSPUtility) },
		"authorities.Utility: open ":                                func(o *fabric.Outside) { o.Authorities[ledger.MSPUtility] = filepath.Join(dir, "gone.pem") },
		"authorities: CA certificate of Utility: not PEM":           func(o *fabric.Outside) { o.Authorities[ledger.MSPUtility] = junk },
		"identities.operator: open keys: " + junk + ": ":            func(o *fabric.Outside) { o.Certificate = junk },
		"identities.operator: open keys: open " + dir + "/gone.key": func(o *fabric.Outside) { o.Key = filepath.Join(dir, "gone.key") },
	} {
		o := fabric.Outside{
			Organisation: ledger.MSPCommunity, Utility: ledger.MSPUtility, Certificate: own + ".pem", Key: own + ".key",
			Authorities: map[string]string{ledger.MSPCommunity: ca(ledger.CommunityDir), ledger.MSPUtility: ca(ledger.UtilityDir)},
		}
		change(&o)
		_, err := o.Open()
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
