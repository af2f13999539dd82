package ledger

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/commonwatt/commonwatt/chaincode"
)

// Persons keeps what a community knows of its members' persons in the ledger's private
// collection. The commitment on the chain is salted anew at every change, so that nobody can
// tell that a member went back to an address it had before.
type Persons struct{ of *Ledger }

// Persons returns the register of the members' persons.
func (l *Ledger) Persons() Persons { return Persons{l} }

// People returns the members who have a salt, by name. What is the community's own, which
// begins with a slash as no member does, is nobody.
func (p Persons) People() []string {
	return slices.DeleteFunc(p.of.Names.all(), func(name string) bool { return strings.HasPrefix(name, "/") })
}

// Personal returns a member's Details, nil where none are kept.
func (p Persons) Personal(ctx context.Context, member string) (map[string]string, error) {
	salt := p.of.Names.Known(member)
	if salt == nil {
		return nil, nil //nolint:nilnil // nothing is known
	}
	id := chaincode.Pseudonym(salt, chaincode.KindMember, member)
	kept, err := p.of.As(p.of.People.Operator).Registry.GetPersonal(ctx, id)
	if Refused(err, chaincode.CodeMissing) {
		return nil, nil //nolint:nilnil // nothing is known
	}
	if err != nil {
		return nil, err
	}
	var record chaincode.Personal
	if err := json.Unmarshal(kept, &record); err != nil {
		return nil, fmt.Errorf("personal record of %s: %w", member, err)
	}
	if record.Details == nil {
		record.Details = map[string]string{}
	}
	return record.Details, nil
}

// SetPersonal puts a member's Details in the place of those that are kept. A member whom the
// ledger does not know yet is admitted.
func (p Persons) SetPersonal(ctx context.Context, member string, details map[string]string) error {
	id, err := p.of.Names.Member(member)
	if err != nil {
		return err
	}
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return fmt.Errorf("salt of the record of %s: %w", member, err)
	}
	record, err := json.Marshal(chaincode.Personal{Salt: base64.StdEncoding.EncodeToString(salt), Details: details})
	if err != nil {
		return fmt.Errorf("personal record of %s: %w", member, err)
	}
	operator := p.of.As(p.of.People.Operator)
	m := chaincode.Member{Community: p.of.community, ID: id}
	if err := operator.Registry.AdmitMember(ctx, m); err != nil {
		return err
	}
	sum := sha256.Sum256(record)
	m.Commitment = hex.EncodeToString(sum[:])
	return operator.Registry.ChangePersonal(ctx, m, record)
}

// all returns whose salts are kept, sorted.
func (n *Names) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Sorted(maps.Keys(n.salt))
}
