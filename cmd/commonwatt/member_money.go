package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web/api"
)

func memberBalanceCommand() *cobra.Command {
	var at operator
	c := &cobra.Command{
		Use:   "balance NUMBER",
		Short: "Show what a member's accounts hold",
		RunE: func(c *cobra.Command, args []string) error {
			d, err := at.dial()
			if err != nil {
				return err
			}
			var b api.MemberBalance
			if err := d.get(c.Context(), memberPath(args[0], "balance"), &b); err != nil {
				return err
			}
			printBalance(b, c.OutOrStdout())
			return nil
		},
	}
	at.flags(c)
	return c
}

// memberTransferCommand is "deposit" or "withdraw".
func memberTransferCommand(verb string) *cobra.Command {
	var at operator
	var reference, point string
	short := map[string]string{"deposit": "Book money that a member paid in", "withdraw": "Book money that was paid out to a member"}[verb]
	c := &cobra.Command{
		Use:   verb + " NUMBER AMOUNT",
		Short: short,
		Long: short + `, as in

  commonwatt member ` + verb + ` home-01 50.00 --reference 2026-06-03-0017

The amount is in the community's currency. Each reference counts once: the same booking again
changes nothing, so that a command whose answer was lost is simply given again.`,
		RunE: func(c *cobra.Command, args []string) error {
			amount, err := parseMoney(args[1])
			if err != nil {
				return usage.Errorf("AMOUNT: %w", err)
			}
			if amount <= 0 {
				return usage.Errorf("AMOUNT: %s: must be above 0; what is paid out is booked by: commonwatt member withdraw", args[1])
			}
			if reference == "" {
				return usage.Errorf("--reference: is missing: give what the bank's statement says of the payment, each its own")
			}
			if strings.Contains(reference, "/") {
				return usage.Errorf("--reference: %q: has a slash, which no reference may have: write - in its place", reference)
			}
			if verb == "withdraw" {
				amount = -amount
			}
			if err := inMinorUnits(c.Context(), at, args[0], args[1]); err != nil {
				return err
			}
			return transferMoney(c.Context(), at, args[0], api.TransferRequest{Reference: reference, Amount: int64(amount), MeteringPoint: given(point)}, c.OutOrStdout())
		},
	}
	at.flags(c)
	c.Flags().StringVar(&reference, "reference", "", "of the payment, as in the bank's statement; each counts once")
	c.Flags().StringVar(&point, "metering-point", "", "whose account is meant, where the member has several (default: its first)")
	return c
}

// inMinorUnits refuses an amount with more decimals than its currency has: money comes and
// goes in minor units, and in 1,000 the comma may be meant to group.
func inMinorUnits(ctx context.Context, at operator, member, text string) error {
	d, err := at.dial()
	if err != nil {
		return err
	}
	var b api.MemberBalance
	if err := d.get(ctx, memberPath(member, "balance"), &b); err != nil {
		return err
	}
	if digits := tariff.MinorDigits(b.Currency); decimalsOf(text) > digits {
		return usage.Errorf("AMOUNT: %s: has %d decimals, and %s has %d: write it as in %s, without anything between thousands", text, decimalsOf(text), b.Currency, digits, formatMoney(50_000_000, b.Currency))
	}
	return nil
}

func decimalsOf(amount string) int {
	_, part, _ := strings.Cut(strings.Replace(amount, ",", ".", 1), ".")
	return len(part)
}

func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func transferMoney(ctx context.Context, at operator, member string, t api.TransferRequest, out io.Writer) error {
	d, err := at.dial()
	if err != nil {
		return err
	}
	var b api.MemberBalance
	if err := d.post(ctx, memberPath(member, "transfers"), t, &b); err != nil {
		return err
	}
	printBalance(b, out)
	return nil
}

func printBalance(b api.MemberBalance, out io.Writer) {
	show := func(m int64) string { return formatMoney(grid.Money(m), b.Currency) + " " + b.Currency }
	fmt.Fprintf(out, "%s: balance %s", b.Number, show(b.Balance))
	if b.Bound != nil && b.Free != nil {
		fmt.Fprintf(out, ", of which %s is kept for what is not settled yet, and orders may come to %s", show(*b.Bound), show(*b.Free))
	}
	fmt.Fprintln(out)
}

// Money is in millionths of the currency unit.
const (
	decimals = 6
)

// parseMoney reads an amount with a decimal point or comma and up to six decimals.
func parseMoney(s string) (grid.Money, error) {
	sign, rest := "", s
	if strings.HasPrefix(s, "-") {
		sign, rest = "-", s[1:]
	}
	whole, part, _ := strings.Cut(strings.Replace(rest, ",", ".", 1), ".")
	if len(part) > decimals || strings.Trim(whole+part, "0123456789") != "" || whole == "" {
		return 0, fmt.Errorf("%q is no amount: write it as in 50.00", s)
	}
	n, err := strconv.ParseInt(sign+whole+part+strings.Repeat("0", decimals-len(part)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is too much", s)
	}
	return grid.Money(n), nil
}

// formatMoney writes an amount exactly, with the decimals of its currency or as many as it has.
func formatMoney(m grid.Money, currency string) string {
	text := fmt.Sprintf("%07d", max(m, -m))
	whole, part := text[:len(text)-decimals], strings.TrimRight(text[len(text)-decimals:], "0")
	for len(part) < tariff.MinorDigits(currency) {
		part += "0"
	}
	if m < 0 {
		whole = "-" + whole
	}
	if part == "" {
		return whole
	}
	return whole + "." + part
}

// memberPath is where the API has something of a member.
func memberPath(number, what string) string {
	return "/api/v1/members/" + url.PathEscape(number) + "/" + what
}
