package web_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// quarrels are disputes that note what they are asked.
type quarrels struct{ last string }

func (q *quarrels) List(_ context.Context, of web.DisputesOf, l web.Listing) (api.Disputes, error) {
	q.last = fmt.Sprintf("%q %s %s %d %d", of.Text, of.Kind, of.State, l.Skip, l.Limit)
	return api.Disputes{Total: 4, Rows: []api.Dispute{
		{Kind: api.DisputeObjection, Id: "7", Time: now, State: api.DisputeStateOpen, Objection: &api.Objection{
			Id: 7, Home: "ann", Interval: "2026-06-01T10:15:00Z/15", Import: 1, MeteredExport: 2, Reason: "=HYPERLINK(1)", State: api.ObjectionStateOpen,
		}},
		{Kind: api.DisputeRun, Id: "r", Time: now, State: api.DisputeStateCorrected, Run: &api.ContestedRun{Interval: "i", Run: 2, Amount: 9, Objections: []int64{}}},
		{Kind: api.DisputeChallenge, Id: "c", Time: now, State: api.DisputeStateMissed, Challenge: &api.Reward{Device: "ann/battery", Challenged: 2, Met: 1}},
		{Kind: api.DisputeLedger, Id: "l", Time: now, State: api.DisputeStateAccepted, Ledger: &api.LedgerDispute{Member: "p", Subject: "s", Evidence: "e", Amount: new(int64(-70))}},
	}}, nil
}

// TestDisputesAreFoundAndDownloaded asks as the utility within and beyond what may be asked for; a
// spreadsheet takes nothing that a member wrote for a formula.
func TestDisputesAreFoundAndDownloaded(t *testing.T) {
	entry, err := web.NewOrderEntry("demo", nil, time.Now, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var asked quarrels
	h, err := web.NewServer(newLive(), noBooks{}, entry, &web.Installer{}, func() bool { return true }, http.NotFoundHandler(), slog.New(slog.DiscardHandler)).
		Behind(web.Access{}).Disputed(&asked).Handler()
	if err != nil {
		t.Fatal(err)
	}
	h = contracted(t, h)
	utility := guestIn(t, h, `{"role":"utility"}`)
	for _, c := range []struct {
		query, asked string
		code         int
		says         []string
	}{
		{"", `""   0 25`, http.StatusOK, []string{`"total":4`, `"reason":"=HYPERLINK(1)"`}},
		{"?q=ann+oven&kind=objection&state=open&skip=2&limit=9", `"ann oven" objection open 2 9`, http.StatusOK, nil},
		{"?kind=quarrel", "", http.StatusBadRequest, []string{"kind"}},
		{"?state=sad", "", http.StatusBadRequest, []string{"state"}},
		{"?limit=0", "", http.StatusBadRequest, []string{"limit"}},
		{"?q=" + strings.Repeat("a", 501), "", http.StatusBadRequest, []string{"q"}},
		{"?format=csv&state=open", `""  open 0 0`, http.StatusOK, []string{"kind,id,time,state,who,", ",1,0,0,2,'=HYPERLINK(1),", "\nrun,r,", ",2,false,0,9,", ",ann/battery,", ",-70,,,\n"}},
	} {
		asked.last = ""
		w := knock(t, h, http.MethodGet, "/api/v1/disputes"+c.query, "", utility)
		if w.Code != c.code || asked.last != c.asked {
			t.Errorf("%.40q: %d %s, asked %q, want %q", c.query, w.Code, w.Body, asked.last, c.asked)
		}
		for _, text := range c.says {
			if !strings.Contains(w.Body.String(), text) {
				t.Errorf("%.40q: %s, want %s in it", c.query, w.Body, text)
			}
		}
	}
}
