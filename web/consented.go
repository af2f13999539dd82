package web

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"time"

	"github.com/commonwatt/commonwatt/web/api"
)

// Consented is what homes took and gave whose members allow research. An error that has a method
// Refused() (missing, conflict bool) says why nothing is told, one that has a method Parameter()
// string what is wrong with what was asked.
type Consented interface {
	History(ctx context.Context, r Range) (api.ResearchHistory, error)
}

// The longest ranges that are told at once, with a day of room for the change of the clocks.
const (
	mostFine   = 32 * 24 * time.Hour  // by 15m
	mostCoarse = 367 * 24 * time.Hour // by the other steps
)

// researchRange reads what is asked for.
func researchRange(p api.GetResearchHistoryParams) (r Range, table bool, err error) {
	r = Range{From: p.From, To: p.To, Step: "1h"}
	if p.Step != nil {
		r.Step = string(*p.Step)
	}
	most := mostCoarse
	switch r.Step {
	case "15m":
		most = mostFine
	case "1h", "1d":
	default:
		return r, false, refuse(http.StatusBadRequest, "step: %q is none: ask for 15m, 1h or 1d", r.Step)
	}
	if !r.To.After(r.From) || r.To.Sub(r.From) > most {
		return r, false, refuse(http.StatusBadRequest, "from, to: ask for a range of at most %d days by %s", int(most.Hours()/24)-1, r.Step) //nolint:mnd // hours of a day
	}
	if p.Format != nil {
		if !p.Format.Valid() {
			return r, false, refuse(http.StatusBadRequest, "format: %q is none: ask for json or csv", *p.Format)
		}
		table = *p.Format == api.GetResearchHistoryParamsFormatCsv
	}
	return r, table, nil
}

// GetResearchHistory implements the API.
func (s researchers) GetResearchHistory(ctx context.Context, r api.GetResearchHistoryRequestObject) (api.GetResearchHistoryResponseObject, error) {
	asked, table, err := researchRange(r.Params)
	if err != nil {
		return nil, err
	}
	if s.consented == nil {
		return nil, refuse(http.StatusConflict, "nothing of homes is told here")
	}
	h, err := s.consented.History(ctx, asked)
	if err != nil {
		return nil, billing(wrongly(err))
	}
	if !table {
		return api.GetResearchHistory200JSONResponse{Body: h}, nil
	}
	text, err := researchTable(h)
	return api.GetResearchHistory200TextcsvResponse{
		Body: bytes.NewReader(text), ContentLength: int64(len(text)),
		Headers: api.GetResearchHistory200ResponseHeaders{ContentDisposition: attached(fmt.Sprintf("homes-%s-%s.csv", asked.From.Format("20060102"), h.Step))},
	}, err
}

// researchTable is what homes took and gave as a table, in the site's time.
func researchTable(h api.ResearchHistory) ([]byte, error) {
	zone, err := time.LoadLocation(h.Zone)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	rows := [][]string{{"home", "start", "end", "quality", "import_wh", "export_wh"}}
	number := func(n *int64) string {
		if n == nil {
			return ""
		}
		return fmt.Sprint(*n)
	}
	for _, home := range h.Homes {
		for _, p := range home.Points {
			rows = append(rows, []string{home.Pseudonym, p.Start.In(zone).Format(time.RFC3339), p.End.In(zone).Format(time.RFC3339), string(p.Quality), number(p.Import), number(p.Export)})
		}
	}
	err = w.WriteAll(rows)
	return out.Bytes(), err
}
