package web

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/web/api"
)

// Disputes are all that is or was contested. What cannot be answered is a *RefusedError.
type Disputes interface {
	// List returns what was found, the last first.
	List(ctx context.Context, of DisputesOf, l Listing) (api.Disputes, error)
}

// DisputesOf says which disputes somebody looks for; what is empty finds all.
type DisputesOf struct {
	Text        string // words, each of which stands somewhere in what is found
	Kind, State string // as the API has them
}

// Disputed has a server show what is contested.
func (s *Server) Disputed(d Disputes) *Server {
	s.operations.auditors.disputes = d
	return s
}

// ListDisputes implements the API.
func (a auditors) ListDisputes(ctx context.Context, r api.ListDisputesRequestObject) (api.ListDisputesResponseObject, error) {
	ask := r.Params
	l, err := listing(ask.From, ask.To, ask.Skip, ask.Limit, (*string)(ask.Format))
	if err != nil {
		return nil, err
	}
	words, err := lookedFor(ctx, ask.Q)
	if err != nil {
		return nil, err
	}
	of := DisputesOf{Text: words.Text, Kind: text(ask.Kind), State: text(ask.State)}
	if of.Kind != "" && !api.DisputeKind(of.Kind).Valid() {
		return nil, refuse(http.StatusBadRequest, "kind: %q is none: ask for objection, run, challenge or ledger", of.Kind)
	}
	if of.State != "" && !api.DisputeState(of.State).Valid() {
		return nil, refuse(http.StatusBadRequest, "state: %q is none: GET /openapi.yaml has them", of.State)
	}
	var all api.Disputes
	if a.disputes != nil {
		all, err = a.disputes.List(ctx, of, l)
	}
	if err != nil || !l.isFile() {
		all.Rows = listed(all.Rows)
		return api.ListDisputes200JSONResponse{Body: all}, inTerms(err)
	}
	table, err := disputesTable(all.Rows)
	return api.ListDisputes200TextcsvResponse{
		Body: bytes.NewReader(table), ContentLength: int64(len(table)), Headers: api.ListDisputes200ResponseHeaders{ContentDisposition: attached("disputes.csv")},
	}, err
}

// disputesTable has a row for each dispute: money in millionths of the currency unit, energy in Wh.
func disputesTable(all []api.Dispute) ([]byte, error) {
	rows := [][]string{{
		"kind", "id", "time", "state", "who", "interval", "import_wh", "export_wh", "metered_import_wh", "metered_export_wh", "reason", "answer", "decided",
		"run", "estimated", "postings", "amount_millionths", "challenged", "met", "slashed_tokens",
	}}
	for _, d := range all {
		cells := map[string]string{"kind": string(d.Kind), "id": d.Id, "time": when(&d.Time), "state": string(d.State)}
		switch {
		case d.Objection != nil:
			ofObjection(cells, *d.Objection)
		case d.Run != nil:
			ofRun(cells, *d.Run)
		case d.Challenge != nil:
			ofChallenge(cells, *d.Challenge)
		case d.Ledger != nil:
			ofLedger(cells, *d.Ledger)
		}
		row := make([]string, len(rows[0]))
		for k, name := range rows[0] {
			row[k] = harmless(cells[name])
		}
		rows = append(rows, row)
	}
	var out bytes.Buffer
	err := csv.NewWriter(&out).WriteAll(rows)
	return out.Bytes(), err
}

func ofObjection(cells map[string]string, o api.Objection) {
	cells["who"], cells["interval"], cells["reason"], cells["answer"], cells["decided"] = o.Home, o.Interval, o.Reason, text(o.Answer), when(o.Decided)
	cells["import_wh"], cells["export_wh"] = fmt.Sprint(o.Import), fmt.Sprint(o.Export)
	cells["metered_import_wh"], cells["metered_export_wh"] = fmt.Sprint(o.MeteredImport), fmt.Sprint(o.MeteredExport)
}

func ofRun(cells map[string]string, r api.ContestedRun) {
	cells["interval"], cells["run"], cells["estimated"] = r.Interval, fmt.Sprint(r.Run), fmt.Sprint(r.Estimated)
	cells["postings"], cells["amount_millionths"] = fmt.Sprint(r.Postings), fmt.Sprint(r.Amount)
}

func ofChallenge(cells map[string]string, c api.Reward) {
	cells["who"], cells["challenged"], cells["met"], cells["slashed_tokens"] = c.Device, fmt.Sprint(c.Challenged), fmt.Sprint(c.Met), fmt.Sprint(c.Slashed)
}

func ofLedger(cells map[string]string, d api.LedgerDispute) {
	cells["who"], cells["reason"], cells["answer"], cells["decided"] = d.Member, d.Subject, text(d.Reason), when(d.Resolved)
	if d.Amount != nil {
		cells["amount_millionths"] = fmt.Sprint(*d.Amount)
	}
}

// when is a time in UTC, nothing where there is none.
func when(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// harmless keeps a spreadsheet from taking what a member wrote for a formula. Numbers stay as they are.
func harmless(cell string) string {
	if cell == "" || !strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return cell
	}
	if _, err := strconv.ParseFloat(cell, 64); err == nil {
		return cell
	}
	return "'" + cell
}
