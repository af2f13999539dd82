package chaincode

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
)

// Settlement records the postings of settlement runs. A run is a manifest, its
// batches, and a closing record; only a closed run counts. What was posted
// never changes. A posting takes from one account what it gives to another, so
// that no batch can sum to anything but zero.
//
// Balances are kept as deltas, so that no key is hot: each source writes a key of
// its own for every bucket of accounts that it moves. FoldBalances sums up those
// of a day.
type Settlement struct {
	contractapi.Contract
}

// Transfer is money that comes in from outside to an account, or goes out.
type Transfer struct {
	Community string `json:"community"`
	Reference string `json:"reference"` // of the payment: each counts once
	Account   string `json:"account"`
	Amount    int64  `json:"amount"` // millionths of the currency unit, positive
	Time      string `json:"time"`   // RFC 3339, UTC
}

// Keys in the state. Postings stand under KindPostings, a Batch
// each, and those outside of the runs one by one under KindEntry.
const (
	KindManifest = "manifest" // community, interval, run
	KindBatch    = "batch"    // community, interval, run, batch: a BatchRecord
	KindPostings = "postings" // community, interval, run, batch: the Batch
	KindClosing  = "closing"  // community, interval, run
	KindEntry    = "entry"    // community, id: a Posting outside of the runs
	KindDelta    = "delta"    // community, bucket, day, source: amounts by account
	KindBalance  = "balance"  // community, bucket, day: the folded deltas
)

// Reasons of postings outside of the runs.
const (
	ReasonDeposit    = "deposit"
	ReasonWithdrawal = "withdrawal"
	ReasonAdjustment = "adjustment" // of a dispute
	ReasonPenalty    = "penalty"    // for a missing reveal
	ReasonGuarantee  = "guarantee"  // of the fund; the reference is month/account
)

// PostingsOf returns the postings that a write of the kind holds, nil for other
// kinds.
func PostingsOf(kind string, value []byte) ([]record.Posting, error) {
	switch kind {
	case KindPostings:
		var b record.Batch
		err := decode(string(value), &b)
		return b.Postings, err
	case KindEntry:
		var p record.Posting
		err := decode(string(value), &p)
		return []record.Posting{p}, err
	default:
		return nil, nil
	}
}

func runKey(community, interval string, run int) []string {
	return []string{community, interval, strconv.Itoa(run)}
}

// OpenRun takes a Manifest. Runs of an interval are numbered without gaps.
func (*Settlement) OpenRun(ctx contractapi.TransactionContextInterface, arg string) error {
	var m record.Manifest
	if err := decode(arg, &m); err != nil {
		return err
	}
	if _, err := allow(ctx, m.Community, RoleOperator); err != nil {
		return err
	}
	if _, err := grid.ParseInterval(m.Interval); err != nil {
		return fail(CodeInvalid, "interval: %v", err)
	}
	if m.Run < 1 {
		return fail(CodeInvalid, "run: %d, counts from 1", m.Run)
	}
	if m.Run > 1 {
		var before record.Closing
		found, err := get(ctx, &before, KindClosing, runKey(m.Community, m.Interval, m.Run-1)...)
		if err != nil {
			return err
		}
		if !found {
			return fail(CodeMissing, "run %d of %s is not closed", m.Run-1, m.Interval)
		}
	}
	created, err := put(ctx, m, KindManifest, runKey(m.Community, m.Interval, m.Run)...)
	if err != nil || !created {
		return err
	}
	return emit(ctx, "run-opened", runID{m.Community, m.Interval, m.Run})
}

// BatchRecord remembers that a batch was posted, and what it amounts to.
type BatchRecord struct {
	Digest   string `json:"digest"` // SHA-256 of the argument
	Postings int    `json:"postings"`
	Turnover int64  `json:"turnover"`
}

// PostBatch takes a Batch as the manifest announced it. The same batch again
// changes nothing; another under its key is refused.
func (*Settlement) PostBatch(ctx contractapi.TransactionContextInterface, arg string) error {
	var b record.Batch
	if err := decode(arg, &b); err != nil {
		return err
	}
	if _, err := allow(ctx, b.Community, RoleOperator); err != nil {
		return err
	}
	posted, err := announced(ctx, b, arg)
	if err != nil {
		return err
	}
	deltas, err := audit(ctx, b, &posted)
	if err != nil {
		return err
	}
	key := append(runKey(b.Community, b.Interval, b.Run), strconv.Itoa(b.Batch))
	created, err := put(ctx, posted, KindBatch, key...)
	if err != nil || !created {
		return err
	}
	at, err := ctx.GetStub().CreateCompositeKey(KindPostings, key)
	if err != nil {
		return fail(CodeInvalid, "%v", err)
	}
	if err := ctx.GetStub().PutState(at, []byte(arg)); err != nil {
		return fmt.Errorf("write batch: %w", err)
	}
	if err := move(ctx, b.Community, b.Interval[:len(time.DateOnly)], strings.Join(key[1:], "/"), deltas); err != nil {
		return err
	}
	return emit(ctx, "batch-posted", struct {
		runID

		Batch    int `json:"batch"`
		Postings int `json:"postings"`
	}{runID{b.Community, b.Interval, b.Run}, b.Batch, posted.Postings})
}

// announced checks a batch against its manifest.
func announced(ctx context, b record.Batch, arg string) (BatchRecord, error) {
	var m record.Manifest
	found, err := get(ctx, &m, KindManifest, runKey(b.Community, b.Interval, b.Run)...)
	if err != nil {
		return BatchRecord{}, err
	}
	if !found {
		return BatchRecord{}, fail(CodeMissing, "run %d of %s has no manifest", b.Run, b.Interval)
	}
	posted := BatchRecord{Digest: digest([]byte(arg)), Postings: len(b.Postings)}
	if b.Batch < 0 || b.Batch >= len(m.BatchDigests) || m.BatchDigests[b.Batch] != posted.Digest {
		return BatchRecord{}, fail(CodeConflict, "batch %d of %s run %d is not the one that the manifest announced", b.Batch, b.Interval, b.Run)
	}
	return posted, nil
}

// audit checks the rules of posting, sums up the turnover, and returns what the
// batch does to each account.
func audit(ctx context, b record.Batch, posted *BatchRecord) (map[string]int64, error) {
	interval, err := grid.ParseInterval(b.Interval)
	if err != nil {
		return nil, fail(CodeInvalid, "interval: %v", err)
	}
	deltas := map[string]int64{}
	for i, p := range b.Postings {
		switch want := b.PostingID(i); {
		case p.ID != want:
			return nil, fail(CodeInvalid, "postings[%d].id: %q, want %q", i, p.ID, want)
		case p.Amount <= 0:
			return nil, fail(CodeInvalid, "postings[%d].amount: %d, must be positive", i, p.Amount)
		case p.Debit == p.Credit:
			return nil, fail(CodeInvalid, "postings[%d]: debit and credit are both %q", i, p.Debit)
		}
		for _, account := range []string{p.Debit, p.Credit} {
			if _, known := deltas[account]; known {
				continue
			}
			if err := mustBeAccount(ctx, b.Community, account, interval.Begin()); err != nil {
				return nil, err
			}
		}
		turnover, err := grid.Sum(grid.Money(posted.Turnover), p.Amount)
		if err != nil {
			return nil, fail(CodeInvalid, "postings[%d].amount: %v", i, err)
		}
		posted.Turnover = int64(turnover) // bounds each delta as well
		deltas[p.Debit] -= int64(p.Amount)
		deltas[p.Credit] += int64(p.Amount)
	}
	return deltas, nil
}

// mustBeAccount checks that the account is the system's, or a metering point
// that was not revoked at the time.
func mustBeAccount(ctx context, community, account string, at time.Time) error {
	if slices.Contains(record.SystemAccounts(), account) {
		return nil
	}
	point, err := mustHave[MeteringPoint](ctx, KindMeteringPoint, community, account)
	if err == nil && !point.counts(at) {
		err = fail(CodeInvalid, "metering point %q was revoked from %s", account, point.Revoked)
	}
	return err
}

// bucket returns where an account's deltas stand: the system's each by itself,
// the others in sixteen.
func bucket(account string) string {
	if slices.Contains(record.SystemAccounts(), account) {
		return account
	}
	return digest([]byte(account))[:1]
}

// move writes what a source does to the accounts. A source writes once.
func move(ctx context, community, day, source string, deltas map[string]int64) error {
	buckets := map[string]map[string]int64{}
	for account, amount := range deltas {
		b := bucket(account)
		if buckets[b] == nil {
			buckets[b] = map[string]int64{}
		}
		buckets[b][account] = amount
	}
	for _, b := range slices.Sorted(maps.Keys(buckets)) {
		if err := set(ctx, buckets[b], KindDelta, community, b, day, source); err != nil {
			return err
		}
	}
	return nil
}

// post writes one posting outside of the runs, once: false when it was there.
func post(ctx context, community string, p record.Posting, at time.Time) (created bool, err error) {
	for _, account := range []string{p.Debit, p.Credit} {
		if err := mustBeAccount(ctx, community, account, time.Time{}); err != nil {
			return false, err
		}
	}
	switch {
	case p.Amount <= 0:
		return false, fail(CodeInvalid, "amount: %d, must be positive", p.Amount)
	case p.Debit == p.Credit:
		return false, fail(CodeInvalid, "debit and credit are both %q", p.Debit)
	}
	p.ID = strings.Join([]string{community, p.Reason, p.Reference}, "/")
	if created, err = put(ctx, p, KindEntry, community, p.ID); err != nil || !created {
		return false, err
	}
	return true, move(ctx, community, at.Format(time.DateOnly), p.ID, map[string]int64{p.Debit: -int64(p.Amount), p.Credit: int64(p.Amount)})
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
	if _, err := allow(ctx, id.Community, RoleOperator); err != nil {
		return err
	}
	key := runKey(id.Community, id.Interval, id.Run)
	var m record.Manifest
	found, err := get(ctx, &m, KindManifest, key...)
	if err != nil {
		return err
	}
	if !found {
		return fail(CodeMissing, "run %d of %s has no manifest", id.Run, id.Interval)
	}
	c := record.Closing{Community: id.Community, Interval: id.Interval, Run: id.Run}
	for n := range m.BatchDigests {
		var posted BatchRecord
		found, err := get(ctx, &posted, KindBatch, append(slices.Clone(key), strconv.Itoa(n))...)
		if err != nil {
			return err
		}
		if !found {
			return fail(CodeMissing, "batch %d of %s run %d was not posted", n, id.Interval, id.Run)
		}
		c.Postings += posted.Postings
		c.Turnover += grid.Money(posted.Turnover)
	}
	created, err := put(ctx, c, KindClosing, key...)
	if err != nil || !created {
		return err
	}
	return emit(ctx, "run-closed", c)
}

// Deposit takes a Transfer that came in for an account.
func (*Settlement) Deposit(ctx contractapi.TransactionContextInterface, arg string) error {
	t, at, err := transfer(ctx, arg)
	if err != nil {
		return err
	}
	created, err := post(ctx, t.Community, record.Posting{Debit: record.Bank, Credit: t.Account, Amount: grid.Money(t.Amount), Reason: ReasonDeposit, Reference: t.Reference}, at)
	if err != nil || !created {
		return err
	}
	return emit(ctx, "deposited", t)
}

// Withdraw takes a Transfer that goes out to a member. The account's balance
// must cover it.
func (*Settlement) Withdraw(ctx contractapi.TransactionContextInterface, arg string) error {
	t, at, err := transfer(ctx, arg)
	if err != nil {
		return err
	}
	balance, err := balanceOf(ctx, t.Community, t.Account)
	if err != nil {
		return err
	}
	p := record.Posting{Debit: t.Account, Credit: record.Bank, Amount: grid.Money(t.Amount), Reason: ReasonWithdrawal, Reference: t.Reference}
	created, err := post(ctx, t.Community, p, at)
	if err != nil || !created {
		return err
	}
	if balance < grid.Money(t.Amount) {
		return fail(CodeFunds, "account %q holds %d, %d is asked for", t.Account, balance, t.Amount)
	}
	return emit(ctx, "withdrawn", t)
}

func transfer(ctx context, arg string) (t Transfer, at time.Time, err error) {
	if err := decode(arg, &t); err != nil {
		return t, at, err
	}
	if _, err := allow(ctx, t.Community, RoleOperator); err != nil {
		return t, at, err
	}
	if t.Reference == "" || slices.Contains(record.SystemAccounts(), t.Account) {
		return t, at, fail(CodeInvalid, "reference, account: must be given, and the account must be a member's")
	}
	at, err = instant("time", t.Time)
	return t, at, err
}

// FoldBalances takes {community, bucket, day} and replaces the bucket's deltas of
// that UTC day by their sums. A later fold takes in what came later.
func (*Settlement) FoldBalances(ctx contractapi.TransactionContextInterface, arg string) error {
	var fold struct {
		Community string `json:"community"`
		Bucket    string `json:"bucket"`
		Day       string `json:"day"`
	}
	if err := decode(arg, &fold); err != nil {
		return err
	}
	if _, err := allow(ctx, fold.Community, RoleOperator); err != nil {
		return err
	}
	if _, err := day(fold.Day); err != nil {
		return err
	}
	at := []string{fold.Community, fold.Bucket, fold.Day}
	sums := map[string]int64{}
	if _, err := get(ctx, &sums, KindBalance, at...); err != nil {
		return err
	}
	folded := 0
	err := each(ctx, KindDelta, at, func(key string, value []byte) error {
		folded++
		var deltas map[string]int64
		if err := json.Unmarshal(value, &deltas); err != nil {
			return err
		}
		for account, amount := range deltas {
			sum, err := grid.Money(sums[account]).Add(grid.Money(amount))
			if err != nil {
				return fail(CodeInvalid, "balance of %s: %v", account, err)
			}
			sums[account] = int64(sum)
		}
		return ctx.GetStub().DelState(key)
	})
	if err != nil || folded == 0 {
		return err
	}
	if err := set(ctx, sums, KindBalance, at...); err != nil {
		return err
	}
	return emit(ctx, "balances-folded", fold)
}

// Buckets lists what FoldBalances takes.
func Buckets() []string {
	all := record.SystemAccounts()
	for _, c := range "0123456789abcdef" {
		all = append(all, string(c))
	}
	return all
}

// Balance returns an account's balance in millionths of the currency unit.
func (*Settlement) Balance(ctx contractapi.TransactionContextInterface, community, account string) (string, error) {
	who, err := allow(ctx, community, RoleOperator, RoleUtility, RoleMember)
	if err != nil {
		return "", err
	}
	if who.Role == RoleMember {
		point, err := mustHave[MeteringPoint](ctx, KindMeteringPoint, community, account)
		if err != nil {
			return "", err
		}
		if point.Value.Member != who.Member {
			return "", fail(CodeDenied, "a member sees its own balance only")
		}
	}
	balance, err := balanceOf(ctx, community, account)
	return strconv.FormatInt(int64(balance), 10), err
}

// balanceOf sums up what was folded and what was not.
func balanceOf(ctx context, community, account string) (balance grid.Money, err error) {
	for _, kind := range []string{KindBalance, KindDelta} {
		err := each(ctx, kind, []string{community, bucket(account)}, func(_ string, value []byte) (err error) {
			var deltas map[string]int64
			if err := json.Unmarshal(value, &deltas); err != nil {
				return err
			}
			balance, err = balance.Add(grid.Money(deltas[account]))
			return err
		})
		if err != nil {
			return 0, fail(CodeInvalid, "balance of %s: %v", account, err)
		}
	}
	return balance, nil
}

// GetRun returns a run's {"manifest": …, "closing": …}; the closing is null while
// the run is open.
func (*Settlement) GetRun(ctx contractapi.TransactionContextInterface, community, interval string, run int) (string, error) {
	if _, err := allow(ctx, community, RoleOperator, RoleUtility); err != nil {
		return "", err
	}
	var found struct {
		Manifest *record.Manifest `json:"manifest"`
		Closing  *record.Closing  `json:"closing"`
	}
	key := runKey(community, interval, run)
	if _, err := get(ctx, &found.Manifest, KindManifest, key...); err != nil {
		return "", err
	}
	if found.Manifest == nil {
		return "", fail(CodeMissing, "run %d of %s has no manifest", run, interval)
	}
	if _, err := get(ctx, &found.Closing, KindClosing, key...); err != nil {
		return "", err
	}
	return text(found)
}
