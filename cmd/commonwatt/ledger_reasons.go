package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger/embedded"
	"github.com/commonwatt/commonwatt/usage"
)

// knownReason refuses a reason that no posting can have.
func knownReason(reason string) error {
	var names []string
	for _, r := range audit.Reasons() {
		if r.Name == reason || reason == "" {
			return nil
		}
		names = append(names, r.Name)
	}
	return usage.Errorf("--reason: no posting has the reason %q; the reasons are %s", reason, strings.Join(names, ", "))
}

// reasonsHelp lists the reasons for a command's help.
func reasonsHelp() string {
	var b strings.Builder
	b.WriteString("The reasons of postings (docs/settlement.md tells who pays whom):\n\n")
	for _, r := range audit.Reasons() {
		fmt.Fprintf(&b, "  %-18s %s\n", r.Name, r.Says)
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
