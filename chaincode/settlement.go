package chaincode

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"

	"github.com/commonwatt/commonwatt/grid"
)

// Settlement records the postings of settlement runs. A run is a manifest, its
// batches, and a closing record; only a closed run counts. What was posted
// never changes. A posting takes from one account what it gives to another, so
// that no batch can sum to anything but zero. Balances are kept as deltas, a key each, so that no key is
// hot.
type Settlement struct {
	contractapi.Contract
}

// Manifest freezes a run: which batches it will have.
type Manifest struct {
	Community    string   `json:"community"`
	Interval     string   `json:"interval"`
	Run          int      `json:"run"`
	TradeDigest  string   `json:"trade_digest"`
	ReadingRoot  string   `json:"reading_root"`
	Tariff       string   `json:"tariff"`
	Estimated    bool     `json:"estimated"`
	BatchDigests []string `json:"batch_digests"`
}

// Batch is a part of a run's postings.
type Batch struct {
	Community string    `json:"community"`
	Interval  string    `json:"interval"`
	Run       int       `json:"run"`
	Batch     int       `json:"batch"`
	Postings  []Posting `json:"postings"`
}

// Posting moves Amount millionths of the currency unit from Debit to Credit.
type Posting struct {
	ID        string `json:"id"`
	Debit     string `json:"debit"`
	Credit    string `json:"credit"`
	Amount    int64  `json:"amount"`
	Energy    int64  `json:"energy"`
	Reason    string `json:"reason"`
	Reference string `json:"reference"`
}

// Closing is the record by which a run counts.
type Closing struct {
	Community string `json:"community"`
	Interval  string `json:"interval"`
	Run       int    `json:"run"`
	Postings  int    `json:"postings"`
	Turnover  int64  `json:"turnover"` // sum of the amounts
}

// Keys in the state; the attributes begin with community, interval, run.
const (
	KindManifest = "manifest"
	KindBatch    = "batch"
	KindPosting  = "posting"
	KindClosing  = "closing"
	KindDelta    = "delta" // community, account, interval, run, batch
)

func runKey(community, interval string, run int) []string {
	return []string{community, interval, strconv.Itoa(run)}
}

// OpenRun takes a Manifest. Runs of an interval are numbered without gaps.
func (*Settlement) OpenRun(ctx contractapi.TransactionContextInterface, arg string) error {
	var m Manifest
	if err := decode(arg, &m); err != nil {
		return err
	}
	if err := allow(ctx, m.Community, RoleOperator); err != nil {
		return err
	}
	if _, err := grid.ParseInterval(m.Interval); err != nil {
		return fail(CodeInvalid, "interval: %v", err)
	}
	if m.Run < 1 {
		return fail(CodeInvalid, "run: %d, counts from 1", m.Run)
	}
	if m.Run > 1 {
		var before Closing
		found, err := get(ctx, &before, KindClosing, runKey(m.Community, m.Interval, m.Run-1)...)
		if err != nil {
			return err
		}
		if !found {
			return fail(CodeMissing, "run %d of %s is not closed", m.Run-1, m.Interval)
		}
	}
	_, err := put(ctx, m, KindManifest, runKey(m.Community, m.Interval, m.Run)...)
	return err
}

// batchRecord remembers that a batch was posted, and what it amounts to.
type batchRecord struct {
	Digest   string `json:"digest"`
	Postings int    `json:"postings"`
	Turnover int64  `json:"turnover"`
}

// PostBatch takes a Batch as the manifest announced it. The same batch again
// changes nothing; another under its key is refused.
func (*Settlement) PostBatch(ctx contractapi.TransactionContextInterface, arg string) error {
	var b Batch
	if err := decode(arg, &b); err != nil {
		return err
	}
	if err := allow(ctx, b.Community, RoleOperator); err != nil {
		return err
	}
	record, deltas, err := audit(ctx, b, arg)
	if err != nil {
		return err
	}
	key := append(runKey(b.Community, b.Interval, b.Run), strconv.Itoa(b.Batch))
	created, err := put(ctx, record, KindBatch, key...)
	if err != nil || !created {
		return err
	}
	for i, p := range b.Postings {
		if _, err := put(ctx, p, KindPosting, append(slices.Clone(key), fmt.Sprintf("%06d", i))...); err != nil {
			return err
		}
	}
	for _, account := range slices.Sorted(maps.Keys(deltas)) {
		at := append([]string{b.Community, account}, key[1:]...)
		if _, err := put(ctx, deltas[account], KindDelta, at...); err != nil {
			return err
		}
	}
	return nil
}

// audit checks a batch against its manifest and the rules of posting, and
// returns what it does to each account.
func audit(ctx contractapi.TransactionContextInterface, b Batch, arg string) (batchRecord, map[string]int64, error) {
	var m Manifest
	found, err := get(ctx, &m, KindManifest, runKey(b.Community, b.Interval, b.Run)...)
	if err != nil {
		return batchRecord{}, nil, err
	}
	if !found {
		return batchRecord{}, nil, fail(CodeMissing, "run %d of %s has no manifest", b.Run, b.Interval)
	}
	sum := sha256.Sum256([]byte(arg))
	record := batchRecord{Digest: hex.EncodeToString(sum[:]), Postings: len(b.Postings)}
	if b.Batch < 0 || b.Batch >= len(m.BatchDigests) || m.BatchDigests[b.Batch] != record.Digest {
		return batchRecord{}, nil, fail(CodeConflict, "batch %d of %s run %d is not the one that the manifest announced", b.Batch, b.Interval, b.Run)
	}
	deltas := map[string]int64{}
	points := map[string]bool{}
	for i, p := range b.Postings {
		want := fmt.Sprintf("%s/%s/%d/%d/%d", b.Community, b.Interval, b.Run, b.Batch, i)
		switch {
		case p.ID != want:
			return batchRecord{}, nil, fail(CodeInvalid, "postings[%d].id: %q, want %q", i, p.ID, want)
		case p.Amount <= 0:
			return batchRecord{}, nil, fail(CodeInvalid, "postings[%d].amount: %d, must be positive", i, p.Amount)
		case p.Debit == p.Credit:
			return batchRecord{}, nil, fail(CodeInvalid, "postings[%d]: debit and credit are both %q", i, p.Debit)
		}
		for _, account := range []string{p.Debit, p.Credit} {
			if points[account] || slices.Contains(systemAccounts(), account) {
				continue
			}
			if err := mustHavePoint(ctx, b.Community, account); err != nil {
				return batchRecord{}, nil, err
			}
			points[account] = true
		}
		turnover, err := grid.Sum(grid.Money(record.Turnover), grid.Money(p.Amount))
		if err != nil {
			return batchRecord{}, nil, fail(CodeInvalid, "postings[%d].amount: %v", i, err)
		}
		record.Turnover = int64(turnover) // bounds each delta as well
		deltas[p.Debit] -= p.Amount
		deltas[p.Credit] += p.Amount
	}
	return record, deltas, nil
}

// runID names a run.
type runID struct {
	Community string `json:"community"`
	Interval  string `json:"interval"`
	Run       int    `json:"run"`
}

// CloseRun takes {community, interval, run} of a run whose batches are all
// posted and writes the Closing by which it counts.
func (*Settlement) CloseRun(ctx contractapi.TransactionContextInterface, arg string) error {
	var id runID
	if err := decode(arg, &id); err != nil {
		return err
	}
	if err := allow(ctx, id.Community, RoleOperator); err != nil {
		return err
	}
	key := runKey(id.Community, id.Interval, id.Run)
	var m Manifest
	found, err := get(ctx, &m, KindManifest, key...)
	if err != nil {
		return err
	}
	if !found {
		return fail(CodeMissing, "run %d of %s has no manifest", id.Run, id.Interval)
	}
	c := Closing{Community: id.Community, Interval: id.Interval, Run: id.Run}
	for n := range m.BatchDigests {
		var record batchRecord
		found, err := get(ctx, &record, KindBatch, append(slices.Clone(key), strconv.Itoa(n))...)
		if err != nil {
			return err
		}
		if !found {
			return fail(CodeMissing, "batch %d of %s run %d was not posted", n, id.Interval, id.Run)
		}
		c.Postings += record.Postings
		c.Turnover += record.Turnover
	}
	created, err := put(ctx, c, KindClosing, key...)
	if err != nil || !created {
		return err
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return ctx.GetStub().SetEvent("run-closed", payload)
}

// Balance returns an account's balance in millionths of the currency unit: the
// sum of its deltas.
func (*Settlement) Balance(ctx contractapi.TransactionContextInterface, community, account string) (string, error) {
	if err := allow(ctx, community, RoleOperator, RoleUtility); err != nil {
		return "", err
	}
	deltas, err := ctx.GetStub().GetStateByPartialCompositeKey(KindDelta, []string{community, account})
	if err != nil {
		return "", fmt.Errorf("balance of %s: %w", account, err)
	}
	defer deltas.Close() //nolint:errcheck // reading is over
	var balance grid.Money
	for deltas.HasNext() {
		kv, err := deltas.Next()
		if err != nil {
			return "", fmt.Errorf("balance of %s: %w", account, err)
		}
		var d int64
		if err := json.Unmarshal(kv.GetValue(), &d); err != nil {
			return "", fmt.Errorf("balance of %s: %w", account, err)
		}
		if balance, err = balance.Add(grid.Money(d)); err != nil {
			return "", fail(CodeInvalid, "balance of %s: %v", account, err)
		}
	}
	return strconv.FormatInt(int64(balance), 10), nil
}
