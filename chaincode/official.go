package chaincode

import (
	"slices"
	"time"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"

	"github.com/commonwatt/commonwatt/grid"
)

// Official records which files of the grid operator's meter values were imported, before
// anything is settled by them. What is in a file stays off the ledger, and its digest is
// salted: who has neither file nor salt learns nothing of it.
type Official struct {
	contractapi.Contract
}

// KindOfficialFile is where they stand: community, digest.
const KindOfficialFile = "official-file"

// OfficialFile is a file of official values.
type OfficialFile struct {
	Community string `json:"community"`
	Digest    string `json:"digest"` // SHA-256 of the salt, the SHA-256 of the file and that of the mapping file, hex
	Format    string `json:"format"` // csv, ebutilities, sdat, mscons or espi
	From      string `json:"from"`   // RFC 3339, UTC: where its first value begins
	Until     string `json:"until"`  // where its last one ends
	Values    int    `json:"values"` // how many it has
}

// RecordFile takes an OfficialFile. The same one again changes nothing.
func (*Official) RecordFile(ctx contractapi.TransactionContextInterface, arg string) error {
	var f OfficialFile
	if err := decode(arg, &f); err != nil {
		return err
	}
	if _, err := allow(ctx, f.Community, RoleOperator); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	created, err := put(ctx, f, KindOfficialFile, f.Community, f.Digest)
	if err != nil || !created {
		return err
	}
	return emit(ctx, "official-file-recorded", f)
}

func (f OfficialFile) check() error {
	const digits = 64
	from, err := instant("from", f.From)
	if err != nil {
		return err
	}
	until, err := instant("until", f.Until)
	if err != nil {
		return err
	}
	switch {
	case len(f.Digest) != digits || !isHex(f.Digest):
		return fail(CodeInvalid, "digest: %q is no SHA-256 in hex", f.Digest)
	case !slices.Contains([]string{"csv", "ebutilities", "sdat", "mscons", "espi"}, f.Format):
		return fail(CodeInvalid, "format: %q is not known", f.Format)
	case !until.After(from):
		return fail(CodeInvalid, "until: %s is not after from", f.Until)
	case f.Values < 1:
		return fail(CodeInvalid, "values: %d, must be positive", f.Values)
	}
	return nil
}

func isHex(text string) bool {
	for _, c := range text {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Covers tells whether the file has values of an interval's time.
func (f OfficialFile) Covers(i grid.Interval) bool {
	from, err1 := time.Parse(time.RFC3339, f.From)
	until, err2 := time.Parse(time.RFC3339, f.Until)
	return err1 == nil && err2 == nil && from.Before(i.End()) && i.Begin().Before(until)
}

// GetFile returns an OfficialFile by its digest.
func (*Official) GetFile(ctx contractapi.TransactionContextInterface, community, digest string) (string, error) {
	if _, err := allow(ctx, community, RoleOperator, RoleUtility); err != nil {
		return "", err
	}
	var f OfficialFile
	found, err := get(ctx, &f, KindOfficialFile, community, digest)
	if err == nil && !found {
		err = fail(CodeMissing, "no file of official values with the digest %q is recorded", digest)
	}
	if err != nil {
		return "", err
	}
	return text(f)
}
