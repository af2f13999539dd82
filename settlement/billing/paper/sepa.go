package paper

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/almerlucke/go-iban/iban"

	"github.com/commonwatt/commonwatt/grid"
)

// Left says why a bill is not in a SEPA file.
type Left struct {
	Number string `json:"number"`
	Why    string `json:"why"`
}

// SEPAOptions are what a SEPA file is made by.
type SEPAOptions struct {
	ID   string    // of the message, up to 35 letters: the bank refuses one that it had
	Made time.Time // when the file is made
	On   string    // day on which it is carried out, as in 2026-07-18
	From Party     // the community
}

// CheckIBAN returns an IBAN without spaces, whose check digits fit (ISO 13616).
func CheckIBAN(text string) (string, error) {
	code := strings.ToUpper(strings.ReplaceAll(text, " ", ""))
	if len(code) < 5 || strings.ContainsFunc(code, func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') }) {
		return "", fmt.Errorf("%q is no IBAN", text)
	}
	i, err := iban.NewIBAN(code)
	if err != nil {
		return "", fmt.Errorf("%q is no IBAN: %s", text, strings.ToLower(err.Error()))
	}
	return i.Code, nil
}

// Collection returns a customer direct debit initiation (ISO 20022 pain.008.001.08, SEPA core
// scheme) of what members with a mandate owe, and which bills it leaves out.
func Collection(docs []Document, o SEPAOptions) ([]byte, []Left, error) {
	if o.From.Creditor == "" {
		return nil, nil, fmt.Errorf("billing.creditor_id: missing: the bank gives a creditor identifier to who collects")
	}
	return o.make(docs, "pain.008.001.08", "CstmrDrctDbtInitn", "DD", func(d Document) (grid.Money, string) {
		switch {
		case d.Bill.Due >= 0:
			return 0, "nothing is owed"
		case d.To.IBAN == "":
			return 0, "no IBAN of the member is known"
		case d.To.Mandate == "" || d.To.Signed == "":
			return 0, "the member has given no mandate, or its date is not known"
		default:
			return -d.Bill.Due, ""
		}
	})
}

// Payouts returns a customer credit transfer initiation (pain.001.001.09) of what members
// get, and which bills it leaves out.
func Payouts(docs []Document, o SEPAOptions) ([]byte, []Left, error) {
	return o.make(docs, "pain.001.001.09", "CstmrCdtTrfInitn", "TRF", func(d Document) (grid.Money, string) {
		switch {
		case d.Bill.Due <= 0:
			return 0, "the member gets nothing"
		case d.To.IBAN == "":
			return 0, "no IBAN of the member is known"
		default:
			return d.Bill.Due, ""
		}
	})
}

func (o SEPAOptions) make(docs []Document, schema, root, method string, amountOf func(Document) (grid.Money, string)) ([]byte, []Left, error) {
	if o.From.IBAN == "" || o.From.Name == "" {
		return nil, nil, fmt.Errorf("billing.iban, billing.name: missing: the community's account")
	}
	var left []Left
	var entries []any
	var total grid.Money
	for _, d := range docs {
		amount, why := amountOf(d)
		if why == "" && d.CreditOf != "" {
			why = "it is a credit note"
		}
		if why == "" && (d.Bill.Currency != "EUR" || d.Bill.Digits != 2) {
			why = "SEPA takes euros only"
		}
		if why == "" {
			if _, err := CheckIBAN(d.To.IBAN); err != nil {
				why = "the member's IBAN: " + err.Error()
			}
		}
		if why != "" {
			left = append(left, Left{d.Number, why})
			continue
		}
		var err error
		if total, err = total.Add(amount); err != nil {
			return nil, nil, err
		}
		if method == "DD" {
			entries = append(entries, o.debit(d, amount))
		} else {
			entries = append(entries, o.transfer(d, amount))
		}
	}
	if len(entries) == 0 {
		return nil, left, nil
	}
	text, err := o.document(schema, root, method, entries, total)
	return text, left, err
}

// The elements of both messages, as far as they are used.
type (
	sepaDocument struct {
		XMLName xml.Name `xml:"Document"`
		Space   string   `xml:"xmlns,attr"`
		Body    sepaBody
	}
	sepaBody struct {
		XMLName xml.Name
		Header  sepaHeader  `xml:"GrpHdr"`
		Payment sepaPayment `xml:"PmtInf"`
	}
	sepaHeader struct {
		ID    string `xml:"MsgId"`
		Made  string `xml:"CreDtTm"`
		Count int    `xml:"NbOfTxs"`
		Sum   string `xml:"CtrlSum"`
		Name  string `xml:"InitgPty>Nm"`
	}
	sepaName struct {
		Name string `xml:"Nm"`
	}
	sepaAccount struct {
		IBAN string `xml:"Id>IBAN"`
	}
	// sepaAgent is a bank; where its BIC is not known, the IBAN tells which it is.
	sepaAgent struct {
		BIC   string   `xml:"FinInstnId>BICFI,omitempty"`
		Other *sepaRef `xml:"FinInstnId>Othr,omitempty"`
	}
	sepaRef struct {
		ID string `xml:"Id"`
	}
	sepaCode struct {
		Code string `xml:"Cd"`
	}
	sepaType struct {
		Service  sepaCode  `xml:"SvcLvl"`
		Local    *sepaCode `xml:"LclInstrm,omitempty"`
		Sequence string    `xml:"SeqTp,omitempty"`
	}
	sepaDay struct {
		Day string `xml:"Dt"`
	}
	sepaScheme struct {
		ID     string `xml:"Id>PrvtId>Othr>Id"`
		Scheme string `xml:"Id>PrvtId>Othr>SchmeNm>Prtry"`
	}
	sepaAmount struct {
		Currency string `xml:"Ccy,attr"`
		Amount   string `xml:",chardata"`
	}
	sepaPayment struct {
		ID       string       `xml:"PmtInfId"`
		Method   string       `xml:"PmtMtd"`
		Batch    bool         `xml:"BtchBookg"`
		Count    int          `xml:"NbOfTxs"`
		Sum      string       `xml:"CtrlSum"`
		Type     sepaType     `xml:"PmtTpInf"`
		Collect  string       `xml:"ReqdColltnDt,omitempty"`
		Execute  *sepaDay     `xml:"ReqdExctnDt,omitempty"`
		Creditor *sepaName    `xml:"Cdtr,omitempty"`
		CdtrAcct *sepaAccount `xml:"CdtrAcct,omitempty"`
		CdtrAgt  *sepaAgent   `xml:"CdtrAgt,omitempty"`
		Debtor   *sepaName    `xml:"Dbtr,omitempty"`
		DbtrAcct *sepaAccount `xml:"DbtrAcct,omitempty"`
		DbtrAgt  *sepaAgent   `xml:"DbtrAgt,omitempty"`
		Bearer   string       `xml:"ChrgBr"`
		Scheme   *sepaScheme  `xml:"CdtrSchmeId,omitempty"`
		Entries  []any
	}
	sepaDebit struct {
		XMLName xml.Name    `xml:"DrctDbtTxInf"`
		ID      string      `xml:"PmtId>EndToEndId"`
		Amount  sepaAmount  `xml:"InstdAmt"`
		Mandate string      `xml:"DrctDbtTx>MndtRltdInf>MndtId"`
		Signed  string      `xml:"DrctDbtTx>MndtRltdInf>DtOfSgntr"`
		Agent   sepaAgent   `xml:"DbtrAgt"`
		Name    sepaName    `xml:"Dbtr"`
		Account sepaAccount `xml:"DbtrAcct"`
		Text    string      `xml:"RmtInf>Ustrd"`
	}
	sepaTransfer struct {
		XMLName xml.Name    `xml:"CdtTrfTxInf"`
		ID      string      `xml:"PmtId>EndToEndId"`
		Amount  sepaAmount  `xml:"Amt>InstdAmt"`
		Agent   *sepaAgent  `xml:"CdtrAgt,omitempty"`
		Name    sepaName    `xml:"Cdtr"`
		Account sepaAccount `xml:"CdtrAcct"`
		Text    string      `xml:"RmtInf>Ustrd"`
	}
)

func agentOf(p Party) sepaAgent {
	if p.BIC != "" {
		return sepaAgent{BIC: p.BIC}
	}
	return sepaAgent{Other: &sepaRef{"NOTPROVIDED"}}
}

func (o SEPAOptions) debit(d Document, amount grid.Money) sepaDebit {
	return sepaDebit{
		ID: d.Number, Amount: sepaAmount{"EUR", Plain(amount, 2)}, Mandate: d.To.Mandate, Signed: d.To.Signed, //nolint:mnd // cents
		Agent: agentOf(d.To), Name: sepaName{Letters(d.To.Name)}, Account: sepaAccount{d.To.IBAN}, Text: o.text(d),
	}
}

func (o SEPAOptions) transfer(d Document, amount grid.Money) sepaTransfer {
	t := sepaTransfer{ID: d.Number, Amount: sepaAmount{"EUR", Plain(amount, 2)}, Name: sepaName{Letters(d.To.Name)}, Account: sepaAccount{d.To.IBAN}, Text: o.text(d)} //nolint:mnd // cents
	if d.To.BIC != "" {
		t.Agent = &sepaAgent{BIC: d.To.BIC}
	}
	return t
}

func (o SEPAOptions) text(d Document) string {
	return Letters("Electricity " + d.Bill.Period.Name + " bill " + d.Number)
}

func (o SEPAOptions) document(schema, root, method string, entries []any, total grid.Money) ([]byte, error) {
	slices.SortStableFunc(entries, func(a, b any) int { return cmp.Compare(endToEnd(a), endToEnd(b)) })
	name, account, agent := sepaName{Letters(o.From.Name)}, sepaAccount{o.From.IBAN}, agentOf(o.From)
	p := sepaPayment{ID: o.ID, Method: method, Batch: true, Count: len(entries), Sum: Plain(total, 2), Type: sepaType{Service: sepaCode{"SEPA"}}, Bearer: "SLEV", Entries: entries} //nolint:mnd // cents
	if method == "DD" {
		p.Type.Local, p.Type.Sequence, p.Collect = &sepaCode{"CORE"}, "RCUR", o.On
		p.Creditor, p.CdtrAcct, p.CdtrAgt = &name, &account, &agent
		p.Scheme = &sepaScheme{o.From.Creditor, "SEPA"}
	} else {
		p.Execute = &sepaDay{o.On}
		p.Debtor, p.DbtrAcct, p.DbtrAgt = &name, &account, &agent
	}
	doc := sepaDocument{Space: "urn:iso:std:iso:20022:tech:xsd:" + schema, Body: sepaBody{
		XMLName: xml.Name{Local: root}, Header: sepaHeader{o.ID, o.Made.UTC().Format(time.RFC3339), len(entries), Plain(total, 2), name.Name}, Payment: p, //nolint:mnd // cents
	}}
	var out bytes.Buffer
	out.WriteString(xml.Header)
	e := xml.NewEncoder(&out)
	e.Indent("", "  ")
	if err := e.Encode(doc); err != nil {
		return nil, fmt.Errorf("SEPA file: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func endToEnd(entry any) string {
	switch e := entry.(type) {
	case sepaDebit:
		return e.ID
	case sepaTransfer:
		return e.ID
	default:
		return ""
	}
}

// Letters keeps a text to the letters that every bank takes (EPC217-08): others are written
// with the letters nearest to them, or as a full stop, at most 70 of them.
func Letters(text string) string {
	near := strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue", "ß", "ss", "&", "+", "_", "-", "–", "-")
	var out strings.Builder
	for _, r := range plainLetters(near.Replace(text)) {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("/-?:().,'+ ", r) {
			r = '.'
		}
		out.WriteRune(r)
	}
	return cut(out.String(), 70) //nolint:mnd // the standard's
}
