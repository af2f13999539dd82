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

// Past is what homes took, gave, paid and earned. known is false where there is no such home.
// An error that has a method Parameter() string says what is wrong with what was asked.
type Past interface {
	History(ctx context.Context, home string, r Range) (h api.HomeHistory, known bool, err error)
	Money(ctx context.Context, home string) (m api.HomeMoney, known bool, err error)
}

// Range is what somebody looks at.
type Range struct {
	From, To time.Time
	Step     string // as the API has it
	Compare  bool   // with the range before
}

// asking says in the API's terms why somebody is not told of a home's past.
func asking(home string, known bool, err error) error {
	if err == nil && !known {
		return noHome(home)
	}
	return wrongly(err)
}

// GetHistory implements the API.
func (o owners) GetHistory(ctx context.Context, r api.GetHistoryRequestObject) (api.GetHistoryResponseObject, error) {
	if err := o.may(ctx, r.Home); err != nil {
		return nil, err
	}
	if o.own.Past == nil {
		return nil, noHome(r.Home)
	}
	ask := Range{From: r.Params.From, To: r.Params.To, Step: "1d", Compare: r.Params.Compare != nil && *r.Params.Compare}
	format := "json"
	if r.Params.Format != nil {
		format = string(*r.Params.Format)
	}
	if format != "json" && format != "csv" {
		return nil, refuse(http.StatusBadRequest, "format: %q is none: ask for json or csv", format)
	}
	if r.Params.Step != nil {
		ask.Step = string(*r.Params.Step)
	}
	h, known, err := o.own.Past.History(ctx, r.Home, ask)
	if err := asking(r.Home, known, err); err != nil {
		return nil, err
	}
	if format == "json" {
		return api.GetHistory200JSONResponse{Body: h}, nil
	}
	table, err := historyTable(h)
	return api.GetHistory200TextcsvResponse{
		Body: bytes.NewReader(table), ContentLength: int64(len(table)),
		Headers: api.GetHistory200ResponseHeaders{ContentDisposition: attached(fmt.Sprintf("%s-%s-%s.csv", r.Home, r.Params.From.Format("20060102"), h.Step))},
	}, err
}

// GetMoney implements the API.
func (o owners) GetMoney(ctx context.Context, r api.GetMoneyRequestObject) (api.GetMoneyResponseObject, error) {
	if err := o.may(ctx, r.Home); err != nil {
		return nil, err
	}
	if o.own.Past == nil {
		return nil, noHome(r.Home)
	}
	m, known, err := o.own.Past.Money(ctx, r.Home)
	return api.GetMoney200JSONResponse(m), asking(r.Home, known, err)
}

// column is one of the table of a history. What it returns nil of stays empty.
type column struct {
	name  string
	value func(p *api.HistoryPoint) *int64
	money bool
}

func historyColumns(currency string) []column {
	return []column{
		{"import_wh", func(p *api.HistoryPoint) *int64 { return p.Import }, false},
		{"export_wh", func(p *api.HistoryPoint) *int64 { return p.Export }, false},
		{"from_neighbours_wh", func(p *api.HistoryPoint) *int64 { return p.FromNeighbours }, false},
		{"to_neighbours_wh", func(p *api.HistoryPoint) *int64 { return p.ToNeighbours }, false},
		{"solar_wh", func(p *api.HistoryPoint) *int64 { return p.Solar }, false},
		{"battery_in_wh", func(p *api.HistoryPoint) *int64 { return p.BatteryIn }, false},
		{"battery_out_wh", func(p *api.HistoryPoint) *int64 { return p.BatteryOut }, false},
		{"charger_wh", func(p *api.HistoryPoint) *int64 { return p.Charger }, false},
		{"heat_wh", func(p *api.HistoryPoint) *int64 { return p.Heat }, false},
		{"home_wh", func(p *api.HistoryPoint) *int64 { return p.Home }, false},
		{"cost_" + currency, func(p *api.HistoryPoint) *int64 { return p.Cost }, true},
		{"earned_" + currency, func(p *api.HistoryPoint) *int64 { return p.Earned }, true},
		{"price_" + currency + "_per_kwh", func(p *api.HistoryPoint) *int64 { return p.Price }, true},
		{"earned_price_" + currency + "_per_kwh", func(p *api.HistoryPoint) *int64 { return p.EarnedPrice }, true},
		{"without_" + currency, func(p *api.HistoryPoint) *int64 { return p.Without }, true},
		{"savings_" + currency, func(p *api.HistoryPoint) *int64 { return p.Savings }, true},
	}
}

// historyTable is a history as a table, in the site's time. A step of the range before is marked
// as such.
func historyTable(h api.HomeHistory) ([]byte, error) {
	zone, err := time.LoadLocation(h.Zone)
	if err != nil {
		return nil, err
	}
	columns := historyColumns(h.Currency)
	head := []string{"range", "start", "end", "quality", "intervals", "expected", "lacking"}
	for _, c := range columns {
		head = append(head, c.name)
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	rows := [][]string{head}
	if h.Before != nil {
		rows = appendRows(rows, "before", h.Before.Points, columns, zone)
	}
	rows = appendRows(rows, "asked", h.Points, columns, zone)
	err = w.WriteAll(rows)
	return out.Bytes(), err
}

func appendRows(rows [][]string, of string, points []api.HistoryPoint, columns []column, zone *time.Location) [][]string {
	for k := range points {
		p := &points[k]
		row := []string{of, p.Start.In(zone).Format(time.RFC3339), p.End.In(zone).Format(time.RFC3339), string(p.Quality), fmt.Sprint(p.Intervals), fmt.Sprint(p.Expected), ""}
		if p.Lacking != nil {
			row[len(row)-1] = strings.Join(*p.Lacking, " ")
		}
		for _, c := range columns {
			text := ""
			switch v := c.value(p); {
			case v != nil && c.money:
				text = grid.Money(*v).Text()
			case v != nil:
				text = fmt.Sprint(*v)
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	return rows
}
