package scenarios

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
)

// Summary is summary.json. Energies are in Wh, money in millionths of the
// currency unit; shares are in per mille.
type Summary struct {
	Version        string `json:"version"` // of the program
	Scenario       string `json:"scenario"`
	ScenarioDigest string `json:"scenario_digest"` // SHA-256 of the file
	Seed           uint64 `json:"seed"`
	Mechanism      string `json:"mechanism"`
	Currency       string `json:"currency"`
	Homes          int    `json:"homes"`
	Intervals      int    `json:"intervals"`
	Orders         int64  `json:"orders"`
	Trades         int    `json:"trades"`
	Postings       int    `json:"postings"`

	Produced grid.Energy `json:"produced"` // by PV
	Consumed grid.Energy `json:"consumed"` // by loads and cars, and lost in batteries
	Imported grid.Energy `json:"imported"` // over the connection meters
	Exported grid.Energy `json:"exported"`
	Traded   grid.Energy `json:"traded"`
	Retail   grid.Energy `json:"retail"`  // from the utility
	FeedIn   grid.Energy `json:"feed_in"` // to the utility

	// SelfSufficiency is the share of consumption not bought from the utility.
	SelfSufficiency int64 `json:"self_sufficiency"`
	// SelfConsumption is the share of production not given to the utility.
	SelfConsumption int64 `json:"self_consumption"`
	// LocalShare is the share of the connection meters' import that was bought
	// from neighbours: what was bought and not imported does not count.
	LocalShare int64 `json:"local_share"`

	Net        grid.Money  `json:"net"`         // of all members
	RetailOnly grid.Money  `json:"retail_only"` // the same without neighbours
	MeanPrice  *grid.Price `json:"mean_price"`  // volume-weighted; null without trade

	Rewards map[string]int64 `json:"rewards,omitempty"` // tokens of the storage rewards, by home

	LedgerHeight int64  `json:"ledger_height"`
	LedgerRoot   string `json:"ledger_root"`
}

// Summarize computes the summary.
func (r *Result) Summarize(version string) Summary {
	s := Summary{
		Version: version, Scenario: r.Scenario.Name, ScenarioDigest: r.Scenario.Digest, Seed: r.Scenario.Seed,
		Mechanism: r.Scenario.Mechanism, Currency: r.Tariff.Currency, Homes: r.Scenario.Homes,
		Intervals: len(r.Intervals), Orders: r.Orders, Trades: len(r.Trades), LedgerHeight: r.Height, LedgerRoot: r.Root,
	}
	for _, i := range r.Intervals {
		s.Traded += i.Traded
		s.Postings += i.Postings
	}
	var local grid.Energy
	for _, st := range r.Statements {
		local += min(st.Bought, st.Metered.Import)
		s.Imported += st.Metered.Import
		s.Exported += st.Metered.Export
		s.Retail += st.Retail
		s.FeedIn += st.FeedIn
		s.Net += st.Net
		s.RetailOnly += st.RetailOnly
	}
	s.Produced = r.produced()
	s.Consumed = s.Produced + s.Imported - s.Exported
	s.SelfSufficiency = perMille(s.Consumed-s.Retail, s.Consumed)
	s.SelfConsumption = perMille(s.Produced-s.FeedIn, s.Produced)
	s.LocalShare = perMille(local, s.Imported)
	if len(r.Epochs) > 0 {
		s.Rewards = r.rewards()
	}
	if s.Traded > 0 {
		var turnover int64
		for _, t := range r.Trades {
			turnover += int64(t.Energy) * int64(t.BidPrice)
		}
		s.MeanPrice = new(grid.Price(turnover / int64(s.Traded)))
	}
	return s
}

// rewards returns the tokens that the homes' batteries got.
func (r *Result) rewards() map[string]int64 {
	tokens := map[string]int64{}
	for _, e := range r.Epochs {
		for _, w := range e.Rewards {
			home, _, _ := strings.Cut(w.Battery, "/")
			tokens[home] += w.Tokens
		}
	}
	return tokens
}

// produced returns what the inverters' registers gained over the settled
// intervals.
func (r *Result) produced() grid.Energy {
	if len(r.Intervals) == 0 {
		return 0
	}
	begin, end := r.Intervals[0].Interval.Begin(), r.Intervals[len(r.Intervals)-1].Interval.End()
	var sum grid.Energy
	for _, reading := range r.Readings {
		if reading.Export == nil || reading.Import != nil { // an inverter has an export register alone
			continue
		}
		switch {
		case reading.Time.Equal(begin):
			sum -= *reading.Export
		case reading.Time.Equal(end):
			sum += *reading.Export
		}
	}
	return sum
}

func perMille(part, whole grid.Energy) int64 {
	if whole == 0 {
		return 0
	}
	return int64(math.Round(float64(part) * 1000 / float64(whole)))
}

// Rows of the tables. Times are unix seconds (readings: ms), energies Wh,
// powers W, prices millionths/kWh, money millionths of the currency unit.
type (
	tradeRow struct {
		Seq      uint64 `parquet:"seq"`
		Interval int64  `parquet:"interval"`
		Buyer    string `parquet:"buyer,dict"`
		Seller   string `parquet:"seller,dict"`
		Energy   int64  `parquet:"energy"`
		Price    int64  `parquet:"price"`
	}
	intervalRow struct {
		Interval int64  `parquet:"interval"`
		Minutes  int64  `parquet:"minutes"`
		Offered  int64  `parquet:"offered"`
		Wanted   int64  `parquet:"wanted"`
		Traded   int64  `parquet:"traded"`
		Auction  *int64 `parquet:"auction_price,optional"`
		Postings int64  `parquet:"postings"`
	}
	statementRow struct {
		Interval      int64  `parquet:"interval"`
		MeteringPoint string `parquet:"metering_point,dict"`
		Run           int64  `parquet:"run"`
		Quality       string `parquet:"quality,dict"`
		Import        int64  `parquet:"import"`
		Export        int64  `parquet:"export"`
		Bought        int64  `parquet:"bought"`
		Sold          int64  `parquet:"sold"`
		Retail        int64  `parquet:"retail"`
		FeedIn        int64  `parquet:"feed_in"`
		Imbalance     int64  `parquet:"imbalance"`
		Net           int64  `parquet:"net"`
		RetailOnly    int64  `parquet:"retail_only"`
	}
	readingRow struct {
		Time   int64  `parquet:"time"`
		Device string `parquet:"device,dict"`
		Power  *int64 `parquet:"power,optional"`
		Import *int64 `parquet:"import,optional"`
		Export *int64 `parquet:"export,optional"`
		Charge *int64 `parquet:"charge,optional"`
	}
)

// Write writes summary.json and the tables into dir.
func (r *Result) Write(dir, version string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // results are for sharing
		return fmt.Errorf("write results: %w", err)
	}
	summary, err := json.MarshalIndent(r.Summarize(version), "", "  ")
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "summary.json"), append(summary, '\n'), 0o644); err != nil { //nolint:gosec // results are for sharing
		return fmt.Errorf("write results: %w", err)
	}
	return errors.Join(
		table(dir, "trades", r.Trades, func(t grid.Trade) tradeRow {
			return tradeRow{t.Seq, t.Product.Interval.Start, t.Buyer, t.Seller, int64(t.Energy), int64(t.BidPrice)}
		}),
		table(dir, "intervals", r.Intervals, func(i Interval) intervalRow {
			return intervalRow{
				Interval: i.Interval.Start, Minutes: int64(i.Interval.Minutes), Offered: int64(i.Offered), Wanted: int64(i.Wanted),
				Traded: int64(i.Traded), Auction: optional(i.Auction), Postings: int64(i.Postings),
			}
		}),
		r.writeStatements(dir),
		table(dir, "readings", r.Readings, func(x grid.Reading) readingRow {
			row := readingRow{Time: x.Time.UnixMilli(), Device: x.Device, Power: optional(x.Power), Import: optional(x.Import), Export: optional(x.Export)}
			if x.Charge != nil {
				row.Charge = new(int64(*x.Charge))
			}
			return row
		}),
	)
}

func optional[T ~int64](v *T) *int64 {
	if v == nil {
		return nil
	}
	return new(int64(*v))
}

// table writes DIR/NAME.parquet, a row for each item.
func table[T, Row any](dir, name string, items []T, row func(T) Row) (err error) {
	path := filepath.Join(dir, name+".parquet")
	f, err := os.Create(path) //nolint:gosec // the directory is the user's
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	rows := make([]Row, len(items))
	for i, item := range items {
		rows[i] = row(item)
	}
	w := parquet.NewGenericWriter[Row](f, parquet.Compression(&parquet.Zstd))
	_, err = w.Write(rows)
	if err := errors.Join(err, w.Close(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func (r *Result) writeStatements(dir string) error {
	return table(dir, "statements", r.Statements, func(s settlement.Statement) statementRow {
		return statementRow{
			Interval: s.Interval.Start, MeteringPoint: s.MeteringPoint, Run: int64(s.Run), Quality: string(s.Quality),
			Import: int64(s.Metered.Import), Export: int64(s.Metered.Export), Bought: int64(s.Bought), Sold: int64(s.Sold),
			Retail: int64(s.Retail), FeedIn: int64(s.FeedIn), Imbalance: int64(s.Imbalance), Net: int64(s.Net), RetailOnly: int64(s.RetailOnly),
		}
	})
}
