package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement"
	"github.com/commonwatt/commonwatt/settlement/billing"
	"github.com/commonwatt/commonwatt/settlement/billing/desk"
	"github.com/commonwatt/commonwatt/settlement/billing/paper"
	"github.com/commonwatt/commonwatt/settlement/statements"
	"github.com/commonwatt/commonwatt/tariff"
	"github.com/commonwatt/commonwatt/terminal"
	"github.com/commonwatt/commonwatt/usage"
)

// BillOptions say what Bill bills.
type BillOptions struct {
	Homes    int
	Months   int
	Dir      string    // on the disk to measure
	Progress io.Writer // nil: none
}

// BillResult is what Bill measures: wall time.
type BillResult struct {
	Homes     int     `json:"homes"`
	Intervals int     `json:"intervals"`
	Bills     int     `json:"bills"`
	Draft     float64 `json:"draft_seconds"`     // all months, from the statement book to the drafts on the disk
	DraftCPU  float64 `json:"draft_cpu_seconds"` // of all threads: what a machine that is busy otherwise tells better
	Approve   float64 `json:"approve_seconds"`   // with numbers and digests, without the ledger
	Printing  float64 `json:"print_seconds"`     // as PDF
	Bytes     int64   `json:"book_bytes"`        // of the statement book
}

// Print writes the result for people.
func (r BillResult) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%d homes, %d intervals: %d bills drafted in %.1f s (%.1f s of CPU), approved in %.1f s, printed as PDF in %.1f s; the statement book has %d MB\n",
		r.Homes, r.Intervals, r.Bills, r.Draft, r.DraftCPU, r.Approve, r.Printing, r.Bytes>>20) //nolint:mnd // bytes of a MB
	return err
}

// Bill bills a year of a street, month by month, from a statement book that is filled with
// generated runs beforehand: every home has trades, pool and grid in every interval, and a
// tariff of several components with standing charges and VAT. Each month is drafted and
// approved, as it would be, so that the next one begins where it ended.
func Bill(ctx context.Context, o BillOptions) (r BillResult, err error) {
	dir, err := os.MkdirTemp(o.Dir, "commonwatt-bill-")
	if err != nil {
		return r, usage.Mark(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	zone, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		return r, err
	}
	book, err := statements.Open(ctx, filepath.Join(dir, statements.File))
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	b := &billRun{BillOptions: o, book: book, zone: zone, first: time.Date(2026, 1, 1, 0, 0, 0, 0, zone)}
	if r.Intervals, err = b.fill(ctx); err != nil {
		return r, err
	}
	if info, err := os.Stat(filepath.Join(dir, statements.File)); err == nil {
		r.Bytes = info.Size()
	}
	b.desk, err = desk.Open(ctx, filepath.Join(dir, desk.File), desk.Options{
		Community: communityName, Currency: "EUR", Digits: 2, Zone: zone, DueDays: 14, Font: paper.DefaultFont(), Sender: paper.Party{Name: "Bench", IBAN: "AT611904300234573201"},
		Tariffs: billing.OnBook{Book: func() *tariff.Book { return billTariffs(zone) }, Minutes: settleMinutes}, Book: book, Ledger: noLedger{}, People: noPeople{},
		Clock: func() time.Time { return b.first.AddDate(1, 1, 0) }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, b.desk.Close()) }()
	r.Homes = o.Homes
	return r, b.bill(ctx, &r)
}

// billRun is a street that is billed.
type billRun struct {
	BillOptions

	book  *statements.Book
	desk  *desk.Desk
	zone  *time.Location
	first time.Time
}

// fill puts the runs of all intervals into the book.
func (b *billRun) fill(ctx context.Context) (intervals int, err error) {
	owner := func(point string) (member, account string, err error) {
		return "home-" + point, "account-" + point, nil
	}
	end := b.first.AddDate(0, b.Months, 0)
	const together = 96
	bar := progress(b.Progress, "statement book, intervals", int(end.Sub(b.first)/(settleMinutes*time.Minute)))
	defer bar.End()
	var runs []settlement.Run
	for i := grid.IntervalAt(b.first, settleMinutes); ; i = i.Shift(1) {
		over := !i.Begin().Before(end)
		if len(runs) == together || over {
			if err := b.book.Add(ctx, owner, runs...); err != nil {
				return intervals, err
			}
			runs = runs[:0]
			bar.Set(intervals)
		}
		if over {
			return intervals, nil
		}
		runs = append(runs, b.run(i, intervals))
		intervals++
	}
}

// run makes up a run: home k buys of home k−1, shares in the pool, and takes the rest from the
// grid; every third home feeds in.
func (b *billRun) run(i grid.Interval, n int) settlement.Run {
	run := settlement.Run{Manifest: record.Manifest{Community: communityName, Interval: i.String(), Run: 1}, Tariff: tariff.Tariff{Version: "t", Currency: "EUR", Retail: 240_000, FeedIn: 60_000}, Frozen: i.End()}
	rates := tariff.Rates{Tariff: "bench", Version: "2026", Currency: "EUR", Retail: 240_000, FeedIn: 60_000, Community: 32_000}
	var postings []record.Posting
	for k := range b.Homes {
		point, neighbour := fmt.Sprintf("%03d", k), fmt.Sprintf("account-%03d", (k+b.Homes-1)%b.Homes)
		bought, pooled, retail := grid.Energy(50+(k*7+n)%90), grid.Energy(10+(k*3+n)%40), grid.Energy(20+(k*11+n)%120)
		s := settlement.Statement{MeteringPoint: point, Interval: i, Run: 1, Quality: grid.Good, Metered: grid.Flow{Import: bought + pooled + retail}, Rates: &rates}
		s.Bought, s.PoolBought, s.Retail, s.PoolPrice = bought, pooled, retail, 134_000
		pay := func(to, reason string, price grid.Price, e grid.Energy) {
			m := grid.Money(price) * grid.Money(e) / 1000 //nolint:mnd // Wh of a kWh
			s.Net -= m
			postings = append(postings, record.Posting{Debit: "account-" + point, Credit: to, Amount: m, Energy: e, Reason: reason, Reference: point})
		}
		pay(neighbour, settlement.ReasonTrade, 120_000, bought)
		pay(record.Pool, settlement.ReasonPoolBought, 134_000, pooled)
		pay(record.Utility, settlement.ReasonRetail, rates.Retail, retail)
		pay(record.Utility, settlement.ReasonComponents, rates.Community, bought+pooled)
		s.RetailOnly = -grid.Money(rates.Retail) * grid.Money(s.Metered.Import) / 1000 //nolint:mnd // Wh of a kWh
		if k%3 == 0 {
			s.Metered.Export, s.FeedIn = 100, 100
		}
		run.Statements = append(run.Statements, s)
	}
	run.Batches = []record.Batch{{Postings: postings}}
	return run
}

// bill drafts, approves and prints all months.
func (b *billRun) bill(ctx context.Context, r *BillResult) error {
	bar := progress(b.Progress, "bills", b.Homes*b.Months)
	defer bar.End()
	for m := range b.Months {
		month := b.first.AddDate(0, m, 0).Format("2006-01")
		began, used := time.Now(), cpu()
		drafted, err := b.desk.Draft(ctx, month, "")
		if err != nil {
			return err
		}
		if len(drafted.Drafts) != b.Homes {
			return fmt.Errorf("%s: %d drafts of %d homes", month, len(drafted.Drafts), b.Homes)
		}
		r.Draft += time.Since(began).Seconds()
		r.DraftCPU += (cpu() - used).Seconds()
		for _, d := range drafted.Drafts {
			began = time.Now()
			done, err := b.desk.Approve(ctx, d.ID)
			if err != nil {
				return err
			}
			r.Approve += time.Since(began).Seconds()
			began = time.Now()
			if _, err := b.desk.PDF(ctx, done.ID); err != nil {
				return err
			}
			r.Printing += time.Since(began).Seconds()
			r.Bills++
		}
		bar.Set(r.Bills)
	}
	return nil
}

// progress returns a bar on w, or one that nobody sees where that is nil.
func progress(w io.Writer, what string, total int) *terminal.Bar {
	if w == nil {
		w = io.Discard
	}
	return terminal.NewBar(w, what, total)
}

// cpu is what the process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// billTariffs are a tariff of several components for all.
func billTariffs(zone *time.Location) *tariff.Book {
	energy, grids, levy, feedIn := grid.Price(140_000), grid.Price(80_000), grid.Price(20_000), grid.Price(60_000)
	s := tariff.Schedule{Name: "bench", Currency: "EUR", Versions: []tariff.Version{{
		Version: "2026", ValidFrom: tariff.Date{Year: 2020, Month: time.January, Day: 1}, VAT: &tariff.VAT{Rate: 200_000},
		Components: []tariff.Component{
			{Name: "energy", Kind: tariff.Energy, Per: tariff.PerKWh, Price: &energy},
			{Name: "grid", Kind: tariff.Grid, Per: tariff.PerKWh, Price: &grids, Community: tariff.Community{Part: tariff.Part{Share: 400_000}}},
			{Name: "levy", Kind: tariff.Levy, Per: tariff.PerKWh, Price: &levy},
			{Name: "meter", Kind: tariff.Metering, Per: tariff.PerMonth, Amount: 2_500_000},
			{Name: "feed-in", Kind: tariff.Energy, Per: tariff.PerKWh, Export: true, Price: &feedIn, NoVAT: true},
		},
	}}}
	return tariff.NewBook(tariff.Kept{Schedules: []tariff.Schedule{s}, Default: []tariff.Assignment{{Tariff: "bench"}}}, zone)
}

// noLedger takes everything at once. It implements desk.Ledger.
type noLedger struct{}

// Approve implements desk.Ledger.
func (noLedger) Approve(context.Context, chaincode.ApprovedBill) error { return nil }

// Cancel implements desk.Ledger.
func (noLedger) Cancel(context.Context, chaincode.CancelledBill) error { return nil }

// Deposit implements desk.Ledger.
func (noLedger) Deposit(context.Context, chaincode.Transfer) error { return nil }

// Withdraw implements desk.Ledger.
func (noLedger) Withdraw(context.Context, chaincode.Transfer) error { return nil }

// Size implements desk.Ledger.
func (noLedger) Size(context.Context) (int64, error) { return 0, nil }

// Outside implements desk.Ledger.
func (noLedger) Outside(context.Context, int64, func(billing.Posted) error) error { return nil }

// Of implements desk.Ledger.
func (noLedger) Of(context.Context, string, string) ([]desk.Posting, error) { return nil, nil }

// Checkpoint implements desk.Ledger.
func (noLedger) Checkpoint(context.Context) (int64, string, error) { return 0, "", nil }

// noPeople knows nobody. It implements desk.People.
type noPeople struct{}

// Personal implements desk.People.
func (noPeople) Personal(context.Context, string) (map[string]string, error) { return nil, nil } //nolint:nilnil // nothing is known
