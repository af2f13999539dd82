package scenarios

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"github.com/commonwatt/commonwatt/grid"
)

// Rows of the tables. Times are unix seconds (readings: ms), energies Wh,
// powers W, prices millionths/kWh, money millionths of the currency unit.
type (
	tradeRow struct {
		Seq      uint64 `parquet:"seq"`
		Interval int64  `parquet:"interval"`
		Buyer    string `parquet:"buyer,dict"`
		Seller   string `parquet:"seller,dict"`
		Energy   int64  `parquet:"energy"`
		Price    int64  `parquet:"price"` // what the buyer pays
		Bid      int64  `parquet:"bid_price"`
		Offer    int64  `parquet:"offer_price"` // what the seller gets
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
		meteredColumns
		Net         int64  `parquet:"net"`
		RetailOnly  int64  `parquet:"retail_only"`
		Member      string `parquet:"member,dict"`
		Node        string `parquet:"node,dict"`
		RetailPrice int64  `parquet:"retail_price"`
		FeedInPrice int64  `parquet:"feed_in_price"`
		sharedColumns
		keyColumns
		aloneColumns
		tariffColumns
	}
	// meteredColumns are what was metered, and which of it was traded ahead.
	meteredColumns struct {
		Import    int64 `parquet:"import"`
		Export    int64 `parquet:"export"`
		Bought    int64 `parquet:"bought"`
		Sold      int64 `parquet:"sold"`
		Retail    int64 `parquet:"retail"`
		FeedIn    int64 `parquet:"feed_in"`
		Imbalance int64 `parquet:"imbalance"`
	}
	// sharedColumns are what was shared after delivery.
	sharedColumns struct {
		Uncovered  int64 `parquet:"uncovered"` // by trades
		Own        int64 `parquet:"own"`       // short, met by own energy
		OwnGiven   int64 `parquet:"own_given"`
		PoolBought int64 `parquet:"pool_bought"`
		PoolSold   int64 `parquet:"pool_sold"`
		PoolPrice  int64 `parquet:"pool_price"`
		Fees       int64 `parquet:"fees"` // of lines, for own energy
	}
	// keyColumns are what an allocation key gave and took.
	keyColumns struct {
		KeyBought  int64 `parquet:"key_bought"`
		KeySold    int64 `parquet:"key_sold"`
		KeySurplus int64 `parquet:"key_surplus"`
		KeyGiven   int64 `parquet:"key_given"`
		KeyPrice   int64 `parquet:"key_price"`
	}
	// aloneColumns are the same home without the community.
	aloneColumns struct {
		Without       int64 `parquet:"without"`
		WithoutImport int64 `parquet:"without_import"`
		WithoutExport int64 `parquet:"without_export"`
	}
	// tariffColumns are what is beside retail_price and feed_in_price of the own tariff.
	tariffColumns struct {
		Tariff         string `parquet:"tariff,dict"`
		CommunityPrice int64  `parquet:"community_price"` // the part of it that neighbours' energy pays
		Components     int64  `parquet:"community_components"`
		Undelivered    int64  `parquet:"undelivered"` // settled among members, as the next three
		Undrawn        int64  `parquet:"undrawn"`
		StoodIn        int64  `parquet:"stood_in"`
		Deviation      int64  `parquet:"deviation"`
	}
	lineRow struct {
		Node   string `parquet:"node"`
		Parent string `parquet:"parent"`
		Fee    int64  `parquet:"fee"`
		Export *int64 `parquet:"export_limit,optional"`
		Import *int64 `parquet:"import_limit,optional"`
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

// Files are the names of what Write writes.
func Files() []string {
	return []string{summaryFile, "trades.parquet", "intervals.parquet", "statements.parquet", "feeder.parquet", "readings.parquet"}
}

const summaryFile = "summary.json"

// Write writes summary.json and the tables into dir.
func (r *Result) Write(dir, version string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // results are for sharing
		return fmt.Errorf("write results: %w", err)
	}
	k, err := r.Summarize(version)
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	summary, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, summaryFile), append(summary, '\n'), 0o644); err != nil { //nolint:gosec // results are for sharing
		return fmt.Errorf("write results: %w", err)
	}
	from := origin{dir: dir, replayed: k.Replayed}
	return errors.Join(
		table(from, "trades", r.Trades, func(t grid.Trade) tradeRow {
			return tradeRow{t.Seq, t.Product.Interval.Start, t.Buyer, t.Seller, int64(t.Energy), int64(t.BidPrice), int64(t.BidPrice), int64(t.OfferPrice)}
		}),
		table(from, "intervals", r.Intervals, func(i Interval) intervalRow {
			return intervalRow{
				Interval: i.Interval.Start, Minutes: int64(i.Interval.Minutes), Offered: int64(i.Offered), Wanted: int64(i.Wanted),
				Traded: int64(i.Traded), Auction: optional(i.Auction), Postings: int64(i.Postings),
			}
		}),
		r.writeStatements(from),
		table(from, "feeder", r.Feeder.Nodes, func(n grid.Node) lineRow {
			return lineRow{Node: n.ID, Parent: n.Parent, Fee: int64(n.Fee), Export: optional(n.ExportLimit), Import: optional(n.ImportLimit)}
		}),
		table(from, "readings", r.Readings, func(x grid.Reading) readingRow {
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

// origin is where a table is written, and of which replay it is.
type origin struct {
	dir      string
	replayed Replayed
}

// Keys under which a table says of which replay it is, in its Parquet metadata.
const (
	keyScenario = "commonwatt.scenario"
	keyDigest   = "commonwatt.scenario_digest"
	keySeed     = "commonwatt.seed"
	keyVersion  = "commonwatt.version"
)

// metadata is what the tables of a replay say about themselves: a file that is passed on
// alone still names its scenario, seed and program.
func (o origin) metadata() []parquet.WriterOption {
	return []parquet.WriterOption{
		parquet.KeyValueMetadata(keyScenario, o.replayed.Scenario),
		parquet.KeyValueMetadata(keyDigest, o.replayed.ScenarioDigest),
		parquet.KeyValueMetadata(keySeed, strconv.FormatUint(o.replayed.Seed, 10)),
		parquet.KeyValueMetadata(keyVersion, o.replayed.Version),
	}
}

// table writes NAME.parquet into the origin's directory, a row for each item.
func table[T, Row any](from origin, name string, items []T, row func(T) Row) (err error) {
	path := filepath.Join(from.dir, name+".parquet")
	f, err := os.Create(path) //nolint:gosec // the directory is the user's
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	rows := make([]Row, len(items))
	for i, item := range items {
		rows[i] = row(item)
	}
	w := parquet.NewGenericWriter[Row](f, append(from.metadata(), parquet.Compression(&parquet.Zstd))...)
	_, err = w.Write(rows)
	if err := errors.Join(err, w.Close(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func (r *Result) writeStatements(from origin) error {
	return table(from, "statements", r.Statements, func(s Statement) statementRow {
		return statementRow{
			Interval: s.Interval.Start, MeteringPoint: s.MeteringPoint, Run: int64(s.Run), Quality: string(s.Quality),
			meteredColumns: meteredColumns{
				Import: int64(s.Metered.Import), Export: int64(s.Metered.Export), Bought: int64(s.Bought), Sold: int64(s.Sold),
				Retail: int64(s.Retail), FeedIn: int64(s.FeedIn), Imbalance: int64(s.Imbalance),
			},
			Net: int64(s.Net), RetailOnly: int64(s.RetailOnly), Member: s.Member, Node: s.Node, RetailPrice: int64(s.Counted.Retail), FeedInPrice: int64(s.Counted.FeedIn),
			sharedColumns: sharedColumns{
				Uncovered: int64(s.Uncovered), Own: int64(s.Own), OwnGiven: int64(s.OwnGiven), PoolBought: int64(s.PoolBought),
				PoolSold: int64(s.PoolSold), PoolPrice: int64(s.PoolPrice), Fees: int64(s.Fees),
			},
			keyColumns: keyColumns{
				KeyBought: int64(s.KeyBought), KeySold: int64(s.KeySold), KeySurplus: int64(s.KeySurplus), KeyGiven: int64(s.KeyGiven), KeyPrice: int64(s.KeyPrice),
			},
			aloneColumns: aloneColumns{Without: int64(s.Alone()), WithoutImport: int64(s.Apart.Import), WithoutExport: int64(s.Apart.Export)},
			tariffColumns: tariffColumns{
				Tariff: s.Counted.Tariff, CommunityPrice: int64(s.Counted.Community), Components: int64(s.Components),
				Undelivered: int64(s.Undelivered), Undrawn: int64(s.Undrawn), StoodIn: int64(s.StoodIn), Deviation: int64(s.Deviated),
			},
		}
	})
}

// Write writes compare.json and compare.csv into a directory. Money is in millionths of the
// currency unit, energy in Wh.
func (c Comparison) Write(dir string) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	var table bytes.Buffer
	w := csv.NewWriter(&table)
	err = w.Write([]string{"member", "dir", "sharing", "net", "without", "shared"})
	for _, m := range c.Members {
		for k, r := range c.Replays {
			err = errors.Join(err, w.Write([]string{
				m.Member, r.Dir, r.Sharing, strconv.FormatInt(int64(m.Net[k]), 10), strconv.FormatInt(int64(m.Without[k]), 10), strconv.FormatInt(int64(m.Shared[k]), 10),
			}))
		}
	}
	w.Flush()
	if err = errors.Join(err, w.Error(), os.MkdirAll(dir, 0o755)); err != nil { //nolint:gosec // results are for sharing
		return fmt.Errorf("write the comparison: %w", err)
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "compare.json"), append(text, '\n'), 0o644), //nolint:gosec // results are for sharing
		os.WriteFile(filepath.Join(dir, "compare.csv"), table.Bytes(), 0o644),       //nolint:gosec // results are for sharing
	)
}
