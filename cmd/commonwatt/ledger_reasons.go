package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/usage"
)

// reasons are those that a posting can have, with what each says.
func reasons() [][2]string {
	return [][2]string{
		{settlement.ReasonTrade, "energy that was agreed ahead"},
		{settlement.ReasonLines, "what a buyer pays more than the seller gets: fees and scarcity of lines"},
		{settlement.ReasonOwnFee, "fees of lines that a member's own energy took"},
		{settlement.ReasonPoolBought, "energy of neighbours that no trade covers"},
		{settlement.ReasonPoolSold, "energy to neighbours that no trade covers"},
		{settlement.ReasonPoolFee, "fees of lines that the pool's energy took"},
		{settlement.ReasonRetail, "energy that nothing else covers, bought at retail"},
		{settlement.ReasonFeedIn, "energy that nothing else covers, sold at the feed-in price"},
		{settlement.ReasonFee, "fee of a line on the net flow over it"},
		{chaincode.ReasonDeposit, "money that was paid in"},
		{chaincode.ReasonWithdrawal, "money that was paid out"},
		{chaincode.ReasonAdjustment, "what the decision of a dispute moves"},
		{chaincode.ReasonPenalty, "paid by who did not reveal what was committed to for challenges"},
	}
}

// knownReason refuses a reason that no posting can have.
func knownReason(reason string) error {
	var names []string
	for _, r := range reasons() {
		if r[0] == reason || reason == "" {
			return nil
		}
		names = append(names, r[0])
	}
	return usage.Errorf("--reason: no posting has the reason %q; the reasons are %s", reason, strings.Join(names, ", "))
}

// reasonsHelp lists the reasons for a command's help.
func reasonsHelp() string {
	var b strings.Builder
	b.WriteString("The reasons of postings (docs/settlement.md tells who pays whom):\n\n")
	for _, r := range reasons() {
		fmt.Fprintf(&b, "  %-18s %s\n", r[0], r[1])
	}
	return strings.TrimRight(b.String(), "\n")
}

// currency returns the one of a data directory's ledger; empty where only a Fabric
// network knows it.
func (a audited) currency(ctx context.Context) (string, error) {
	if _, err := os.Stat(filepath.Join(a.data, embedded.File)); err == nil {
		return embedded.Currency(ctx, a.data)
	}
	kept, err := hub.ReadTerms(a.data)
	return kept.Tariff.Currency, err
}
