package audit

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// Postings shows the postings that a query selects, in its order.
type Postings interface {
	Find(ctx context.Context, q ledger.Query, see func(ledger.Entry) error) error
}

// Exported is a posting with its place.
type Exported struct {
	record.Posting

	Interval string `json:"interval"`
	Leaf     int64  `json:"leaf"`  // in the Merkle log
	Block    int64  `json:"block"` // of the chain
	Tx       string `json:"tx"`
}

// Select shows the postings that a query selects, each with its place.
func Select(ctx context.Context, x Postings, q ledger.Query, see func(Exported) error) error {
	return x.Find(ctx, q, func(e ledger.Entry) error {
		p := Exported{Interval: e.Interval, Leaf: e.Leaf, Block: e.Block, Tx: e.Tx}
		if err := json.Unmarshal(e.Posting, &p.Posting); err != nil {
			return err
		}
		return see(p)
	})
}

// WriteCSV writes the postings that a query selects as CSV, with a header.
func WriteCSV(ctx context.Context, x Postings, q ledger.Query, out io.Writer) error {
	w := csv.NewWriter(out)
	if err := w.Write([]string{"leaf", "block", "interval", "id", "debit", "credit", "amount_millionths", "energy_wh", "reason", "reference", "tx"}); err != nil {
		return err
	}
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	err := Select(ctx, x, q, func(p Exported) error {
		return w.Write([]string{
			number(p.Leaf), number(p.Block), p.Interval, p.ID, p.Debit, p.Credit, number(int64(p.Amount)), number(int64(p.Energy)), p.Reason, p.Reference, p.Tx,
		})
	})
	w.Flush()
	return errors.Join(err, w.Error())
}

// WriteJSON writes the postings that a query selects as a JSON array, one a line.
func WriteJSON(ctx context.Context, x Postings, q ledger.Query, w io.Writer) error {
	before := "["
	err := Select(ctx, x, q, func(p Exported) error {
		text, err := json.Marshal(p)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n%s", before, text)
		before = ","
		return err
	})
	end := "\n]\n"
	if before == "[" {
		end = "[]\n"
	}
	_, ended := io.WriteString(w, end)
	return errors.Join(err, ended)
}

// Reason is one that a posting can have.
type Reason struct{ Name, Says string }

// Reasons are all that a posting can have, those of the runs first.
func Reasons() []Reason {
	return []Reason{
		{settlement.ReasonTrade, "energy that was agreed ahead"},
		{settlement.ReasonLines, "what a buyer pays more than the seller gets: fees and scarcity of lines"},
		{settlement.ReasonOwnFee, "fees of lines that a member's own energy took"},
		{settlement.ReasonPoolBought, "energy of neighbours that no trade covers"},
		{settlement.ReasonPoolSold, "energy to neighbours that no trade covers"},
		{settlement.ReasonPoolFee, "fees of lines that the pool's energy took"},
		{settlement.ReasonPoolShare, "the fund's share of what the pool gains"},
		{settlement.ReasonKeyBought, "energy that an allocation key gave a point"},
		{settlement.ReasonKeySold, "energy of a point that an allocation key gave others"},
		{settlement.ReasonKeyFee, "fees of lines that the key's energy took"},
		{settlement.ReasonRetail, "energy that nothing else covers, bought at retail"},
		{settlement.ReasonFeedIn, "energy that nothing else covers, sold at the feed-in price"},
		{settlement.ReasonDeviation, "trades that came otherwise than agreed, where there are several tariffs"},
		{settlement.ReasonComponents, "what neighbours' energy pays to the utility beside its price"},
		{settlement.ReasonFee, "fee of a line on the net flow over it"},
		{chaincode.ReasonDeposit, "money that was paid in"},
		{chaincode.ReasonWithdrawal, "money that was paid out"},
		{chaincode.ReasonStanding, "what a bill charges by the day or month"},
		{chaincode.ReasonVAT, "value added tax of a bill"},
		{chaincode.ReasonRounding, "what rounds a bill to whole minor units"},
		{chaincode.ReasonAdjustment, "what the decision of a dispute moves"},
		{chaincode.ReasonPenalty, "paid by who did not reveal what was committed to for challenges"},
		{chaincode.ReasonGuarantee, "what the fund tops a member up by who would have paid less without the community"},
	}
}

// CheckReason refuses a reason that no posting can have; none is any.
func CheckReason(name string) error {
	var names []string
	for _, r := range Reasons() {
		if r.Name == name || name == "" {
			return nil
		}
		names = append(names, r.Name)
	}
	return fmt.Errorf("no posting has the reason %q; the reasons are %s", name, strings.Join(names, ", "))
}
