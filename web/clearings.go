package web

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web/api"
)

// Clearings say why the prices of delivery intervals are what they are. What cannot be answered is a
// *RefusedError.
type Clearings interface {
	Why(i grid.Interval, of Reader) (api.WhyPrice, error)
	Record(i grid.Interval, of Reader) (api.IntervalRecord, error)
	// List returns the auctions that are told, the last first.
	List(l Listing, of Reader) (api.Auctions, error)
}

// Reader is who asks for a call auction.
type Reader struct {
	Member string // whose orders are the own ones; empty: nobody's
	Merged bool   // sees no place at which few members stand
	Summed bool   // sees of others' orders sums alone
}

// Cleared has a server say why prices are what they are.
func (s *Server) Cleared(p Clearings) *Server {
	s.operations.pricing = pricing{p}
	return s
}

// pricing answers who asks for prices.
type pricing struct{ prices Clearings }

// nothingTraded is said where there is no market.
const nothingTraded = "nothing is traded here"

// reader returns what who sent a request sees of a call auction.
func reader(ctx context.Context) Reader {
	s := sees(ctx)
	return Reader{Member: s.home, Merged: s.extent != allHomes, Summed: s.extent == ownHome}
}

// delivery is the interval that begins then, of so many minutes: a quarter of an hour if nothing
// is said.
func delivery(start time.Time, minutes *int) grid.Interval {
	const usual = 15
	if minutes == nil {
		minutes = new(usual)
	}
	return grid.Interval{Start: start.Unix(), Minutes: *minutes}
}

// GetPrice implements the API.
func (p pricing) GetPrice(ctx context.Context, r api.GetPriceRequestObject) (api.GetPriceResponseObject, error) {
	if p.prices == nil {
		return nil, refuse(http.StatusNotFound, nothingTraded)
	}
	why, err := p.prices.Why(delivery(r.Start, r.Params.Minutes), reader(ctx))
	return api.GetPrice200JSONResponse(why), inTerms(err)
}

// GetRecord implements the API.
func (p pricing) GetRecord(ctx context.Context, r api.GetRecordRequestObject) (api.GetRecordResponseObject, error) {
	if p.prices == nil {
		return nil, refuse(http.StatusNotFound, nothingTraded)
	}
	record, err := p.prices.Record(delivery(r.Start, r.Params.Minutes), reader(ctx))
	return api.GetRecord200JSONResponse(record), inTerms(err)
}

// ListIntervals implements the API.
func (p pricing) ListIntervals(ctx context.Context, r api.ListIntervalsRequestObject) (api.ListIntervalsResponseObject, error) {
	a := r.Params
	l, err := listing(a.From, a.To, a.Skip, a.Limit, (*string)(a.Format))
	if err != nil {
		return nil, err
	}
	if p.prices == nil {
		return nil, refuse(http.StatusNotFound, nothingTraded)
	}
	all, err := p.prices.List(l, reader(ctx))
	if err != nil || !l.isFile() {
		all.Rows = listed(all.Rows)
		return api.ListIntervals200JSONResponse{Body: all}, inTerms(err)
	}
	table, err := auctionsTable(all.Rows)
	return api.ListIntervals200TextcsvResponse{
		Body: bytes.NewReader(table), ContentLength: int64(len(table)), Headers: api.ListIntervals200ResponseHeaders{ContentDisposition: attached("auctions.csv")},
	}, err
}

// auctionsTable has a row for each auction: prices in millionths per kWh, energy in Wh.
func auctionsTable(all []api.AuctionSummary) ([]byte, error) {
	rows := [][]string{{"start", "minutes", "gate", "price_millionths_per_kwh", "volume_wh", "bids", "offers", "full_lines"}}
	for _, a := range all {
		price := ""
		if a.Price != nil {
			price = fmt.Sprint(*a.Price)
		}
		rows = append(rows, []string{
			a.Interval.Start.UTC().Format(time.RFC3339), fmt.Sprint(a.Interval.Minutes), a.Gate.UTC().Format(time.RFC3339), price,
			fmt.Sprint(a.Volume), fmt.Sprint(a.Bids), fmt.Sprint(a.Offers), strings.Join(a.Full, " "),
		})
	}
	var out bytes.Buffer
	err := csv.NewWriter(&out).WriteAll(rows)
	return out.Bytes(), err
}
