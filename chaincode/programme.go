package chaincode

import (
	"encoding/json"
	"math/bits"
	"time"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"

	"github.com/commonwatt/commonwatt/grid"
)

// Programme says what is paid for from an epoch on. Tokens are whole numbers.
type Programme struct {
	Community    string `json:"community"`
	From         string `json:"from"`         // first epoch
	Minutes      int    `json:"minutes"`      // length of the intervals
	Budget       int64  `json:"budget"`       // tokens of the first epoch
	Schedule     string `json:"schedule"`     // halving, or linear to nothing
	Period       int64  `json:"period"`       // epochs: until it halves, or until nothing is left
	Availability int64  `json:"availability"` // per mille of the budget; the rest is for delivery
	Grant        int64  `json:"grant"`        // tokens staked for a battery with its first pledge, out of the budget
	Stake        int64  `json:"stake"`        // tokens that a pledge of 1 kW needs
	Slash        int64  `json:"slash"`        // per mille of the stake that a failed challenge costs
	Smoothing    int64  `json:"smoothing"`    // per mille that the last challenge weighs in the reputation
	Threshold    int64  `json:"threshold"`    // per mille of reputation, and of challenges met, below which nothing is paid
	Challenging
	RevealPenalty int64 `json:"reveal_penalty"` // millionths of the currency unit
}

// Challenging says how batteries are challenged. In JSON its fields stand among those of
// the Programme, in this place.
type Challenging struct {
	Challenges int64 `json:"challenges"`       // per mille: chance of a challenge in an interval at reputation 500
	Response   int64 `json:"response"`         // s until the power must be there
	Duration   int64 `json:"duration"`         // s for which it must stay
	Energy     int64 `json:"energy,omitempty"` // Wh that a challenge changes in that time at least; 0: it asks for a power instead
}

// windows is how much of an interval a challenge can take: the response twice, and the
// windows before, in and after it.
func (c Challenging) windows() time.Duration {
	return time.Duration(2*c.Response+3*c.Duration) * time.Second
}

// Schedules of the emission.
const (
	Halving = "halving"
	Linear  = "linear"
)

// most keeps all sums in bounds: W, Wh, tokens.
const most = 1_000_000_000

// SetProgramme takes a Programme for epochs that are not closed yet.
func (*Rewards) SetProgramme(ctx contractapi.TransactionContextInterface, arg string) error {
	var p Programme
	if err := decode(arg, &p); err != nil {
		return err
	}
	if _, err := allow(ctx, p.Community, RoleGovernor); err != nil {
		return err
	}
	if err := p.Validate(); err != nil {
		return err
	}
	closed := false
	err := each(ctx, KindEpoch, []string{p.Community}, func(_ string, value []byte) error {
		var c EpochClosing
		err := json.Unmarshal(value, &c)
		closed = closed || c.Epoch >= p.From
		return err
	})
	if err != nil {
		return err
	}
	created, err := put(ctx, p, KindProgramme, p.Community, p.From)
	if err != nil || !created {
		return err
	}
	if closed {
		return fail(CodeTooLate, "from: epoch %s is closed", p.From)
	}
	return emit(ctx, "programme-set", p)
}

// Validate checks the programme. The error names the field.
func (p Programme) Validate() error {
	if _, err := day(p.From); err != nil {
		return err
	}
	switch {
	case (grid.Interval{Minutes: p.Minutes}).Validate() != nil:
		return fail(CodeInvalid, "minutes: %d: must be one of 5, 15, 30, 60", p.Minutes)
	case p.Schedule != Halving && p.Schedule != Linear:
		return fail(CodeInvalid, "schedule: %q: must be halving or linear", p.Schedule)
	case p.Budget < 0 || p.Period < 1 || p.Grant < 0 || p.Stake < 0 || p.RevealPenalty < 0:
		return fail(CodeInvalid, "budget, period, grant, stake, reveal_penalty: must not be negative, the period at least 1")
	case outside(p.Availability) || outside(p.Slash) || outside(p.Smoothing) || outside(p.Threshold) || outside(p.Challenges):
		return fail(CodeInvalid, "availability, slash, smoothing, threshold, challenges: must be 0 to 1000 per mille")
	case p.Energy != 0 && p.Energy < counts || p.Energy > most:
		return fail(CodeInvalid, "energy: %d: must be at least %d Wh for registers to show it, or 0", p.Energy, counts)
	case p.Response < 0 || p.Duration < 1 || p.windows() > time.Duration(p.Minutes)*time.Minute:
		return fail(CodeInvalid, "response, duration: the response twice and three windows of the duration must fit into an interval")
	}
	return nil
}

func outside(perMil int64) bool { return perMil < 0 || perMil > perMille }

func day(epoch string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, epoch)
	if err != nil {
		return t, fail(CodeInvalid, "epoch: %q: want a date, as in 2026-06-01", epoch)
	}
	return t, nil
}

// Emission returns the tokens that the programme's schedule gives to an epoch.
func (p Programme) Emission(epoch string) (int64, error) {
	first, err := day(p.From)
	if err != nil {
		return 0, err
	}
	at, err := day(epoch)
	if err != nil {
		return 0, err
	}
	n := int64(at.Sub(first) / (24 * time.Hour))
	switch {
	case n < 0:
		return 0, nil
	case p.Schedule == Halving:
		return p.Budget >> min(n/p.Period, 63), nil
	default:
		return share(p.Budget, max(0, p.Period-n), p.Period), nil
	}
}

// share returns total × part ÷ whole, rounded down, without overflow; part ≤
// whole.
func share(total, part, whole int64) int64 {
	high, low := bits.Mul64(uint64(total), uint64(part))
	q, _ := bits.Div64(high, low, uint64(whole))
	return int64(q)
}

// programmeAt returns the programme of an epoch, and the one before it has
// carried over from.
func programmeAt(ctx context, community, epoch string) (p Programme, found bool, err error) {
	if _, err := day(epoch); err != nil {
		return p, false, err
	}
	err = each(ctx, KindProgramme, []string{community}, func(_ string, value []byte) error {
		var one Programme
		err := json.Unmarshal(value, &one)
		if one.From <= epoch { // in order of their epochs
			p, found = one, true
		}
		return err
	})
	if err == nil && !found {
		err = fail(CodeMissing, "no programme of rewards holds for %s", epoch)
	}
	return p, found, err
}
