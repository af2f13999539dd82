package chaincode

import (
	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"
)

// Names of what the program keeps in the Details of a Personal record. Others may stand
// there too: they are kept as they are.
const (
	DetailNumber      = "number"       // by which the configuration's devices name the member
	DetailName        = "name"         // as bills are addressed to
	DetailAddress     = "address"      // in lines, separated by line feeds
	DetailEMail       = "email"        //
	DetailIBAN        = "iban"         // without spaces
	DetailMandate     = "mandate"      // reference of the SEPA direct debit mandate
	DetailMandateDate = "mandate_date" // when it was signed, as in 2026-06-01
	DetailLanguage    = "language"     // ISO 639-1, in small letters
	DetailDisplay     = "display"      // as others see the member on the pages
)

// ChangePersonal takes a Member that is admitted, with the commitment to its new Personal
// record, which is in the transient data under "personal". The record takes the place of the
// one that is kept. The same again changes nothing.
func (*Registry) ChangePersonal(ctx contractapi.TransactionContextInterface, arg string) error {
	var m Member
	if err := decode(arg, &m); err != nil {
		return err
	}
	if _, err := allow(ctx, m.Community, RoleOperator); err != nil {
		return err
	}
	kept, err := mustHave[Member](ctx, KindMember, m.Community, m.ID)
	if err != nil {
		return err
	}
	record, err := transient(ctx, CollectionPersonal)
	if err != nil {
		return err
	}
	if record == nil {
		return fail(CodeInvalid, "personal: the transient data has no personal record")
	}
	if err := m.check(record); err != nil {
		return err
	}
	if kept.Value == m {
		return nil
	}
	if kept.Revoked != "" {
		return fail(CodeConflict, "member %q was revoked from %s: who comes back gets a new id", m.ID, kept.Revoked)
	}
	key, err := ctx.GetStub().CreateCompositeKey(KindMember, []string{m.Community, m.ID})
	if err != nil {
		return fail(CodeInvalid, "%v", err)
	}
	if err := ctx.GetStub().PutPrivateData(CollectionPersonal, key, record); err != nil {
		return err
	}
	kept.Value = m
	if err := set(ctx, kept, KindMember, m.Community, m.ID); err != nil {
		return err
	}
	return emit(ctx, "personal-changed", m)
}
