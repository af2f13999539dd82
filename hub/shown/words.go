package shown

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// mostWords is how many words a search has at most.
const mostWords = 8

// asked is what the words of a search were taken for.
type asked struct {
	selects  ledger.Selection
	words    []api.LedgerWord
	accounts []string // of the members and accounts that were named
	last     string   // the last interval that was named, or the begin of the last time; empty: none was
	unknown  bool     // a word means nothing
}

// reader says what words mean in an index.
type reader struct {
	index *ledger.Index
	names *ledger.Names
	zone  *time.Location
	named bool // members are also found by their names
}

// read takes words for what they are. Errors: *web.RefusedError.
func (r reader) read(ctx context.Context, text string) (a asked, err error) {
	words := strings.Fields(text)
	if len(words) > mostWords {
		return a, &web.RefusedError{Code: http.StatusBadRequest, Text: fmt.Sprintf("q: it has %d words, and may have %d", len(words), mostWords)}
	}
	for _, word := range words {
		w := api.LedgerWord{Word: word, Kind: api.LedgerWordKindUnknown}
		switch {
		case a.time(&w, r.zone), a.hash(&w), a.reason(&w):
		default:
			if err := r.look(ctx, &a, &w); err != nil {
				return a, err
			}
		}
		a.unknown = a.unknown || w.Kind == api.LedgerWordKindUnknown
		a.words = append(a.words, w)
	}
	return a, nil
}

// time takes a word for an interval, or a day or month of the site.
func (a *asked) time(w *api.LedgerWord, zone *time.Location) bool {
	if i, err := grid.ParseInterval(w.Word); err == nil {
		w.Kind, a.selects.Interval, a.last = api.LedgerWordKindInterval, i.String(), i.String()
		return true
	}
	if day, err := time.ParseInLocation(time.DateOnly, w.Word, zone); err == nil {
		w.Kind = api.LedgerWordKindDay
		a.between(day, day.AddDate(0, 0, 1))
		return true
	}
	if month, err := time.ParseInLocation("2006-01", w.Word, zone); err == nil {
		w.Kind = api.LedgerWordKindMonth
		a.between(month, month.AddDate(0, 1, 0))
		return true
	}
	return false
}

// between narrows the time.
func (a *asked) between(from, until time.Time) {
	begin, end := from.UTC().Format(time.RFC3339), until.UTC().Format(time.RFC3339)
	a.selects.From, a.last = max(a.selects.From, begin), begin
	if a.selects.Until == "" || end < a.selects.Until {
		a.selects.Until = end
	}
}

// hash takes a word for the hash of a leaf.
func (a *asked) hash(w *api.LedgerWord) bool {
	raw, err := hex.DecodeString(w.Word)
	if err != nil || len(raw) != tlog.HashSize {
		if raw, err = base64.StdEncoding.DecodeString(w.Word); err != nil || len(raw) != tlog.HashSize {
			return false
		}
	}
	w.Kind, a.selects.Hash = api.LedgerWordKindHash, new(tlog.Hash(raw))
	return true
}

// reason takes a word for the reason of postings.
func (a *asked) reason(w *api.LedgerWord) bool {
	if audit.CheckReason(w.Word) != nil {
		return false
	}
	w.Kind, a.selects.Reason = api.LedgerWordKindReason, w.Word
	return true
}

// look takes a word for what an index knows: an account, a member, or the id of a posting.
func (r reader) look(ctx context.Context, a *asked, w *api.LedgerWord) error {
	if record.PartsOf(w.Word) != nil {
		w.Kind, a.selects.ID, a.last = api.LedgerWordKindPosting, w.Word, record.IntervalOf(w.Word)
		return nil
	}
	accounts, kind, err := r.accounts(ctx, w.Word)
	if err != nil {
		return err
	}
	if len(accounts) > 0 {
		w.Kind, w.Accounts = kind, accounts
		a.selects.Accounts, a.accounts = append(a.selects.Accounts, accounts), append(a.accounts, accounts...)
		return nil
	}
	n, err := r.index.Count(ctx, ledger.Selection{ID: w.Word})
	if n > 0 {
		w.Kind, a.selects.ID = api.LedgerWordKindPosting, w.Word
	}
	return err
}

// accounts returns the accounts that a word names: one by itself, or those of a member, by
// pseudonym or name.
func (r reader) accounts(ctx context.Context, word string) ([]string, api.LedgerWordKind, error) {
	known, err := r.index.HasAccount(ctx, word)
	if err != nil || known || slices.Contains(record.SystemAccounts(), word) {
		return []string{word}, api.LedgerWordKindAccount, err
	}
	points, err := r.index.MeteringPoints(ctx, word)
	if err != nil || len(points) > 0 || !r.named || r.names.Known(word) == nil {
		return points, api.LedgerWordKindMember, err
	}
	member, err := r.names.Member(word)
	if err != nil {
		return nil, "", err
	}
	points, err = r.index.MeteringPoints(ctx, member)
	return points, api.LedgerWordKindMember, err
}
