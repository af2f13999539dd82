package chaincode

import (
	"encoding/json"
	"errors"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"

	"github.com/commonwatt/commonwatt/grid"
)

// Rewards pays batteries in tokens, by proof: for what they keep available,
// what they deliver when the feeder needs it, and for challenges that signed
// readings show they met. Tokens are not the currency of the bills.
//
// A battery pledges power and energy for an epoch, a UTC day. Its weight is
//
//	capacity × intervals available × reputation × share of challenges met, and
//	energy delivered in flagged intervals × share of challenges met
//
// each as a share of the community's sum, with the programme's coefficients.
// Reputation begins at 0. A battery whose reputation, or share of challenges met,
// is below the programme's threshold earns nothing: a household's other loads make
// a meter jump, so that now and then somebody passes who gave nothing.
// What an epoch does not pay out, and what is slashed, carries over to the next.
type Rewards struct {
	contractapi.Contract
}

// Programme says what is paid for from an epoch on. Tokens are whole numbers.
type Programme struct {
	Community    string `json:"community"`
	From         string `json:"from"`             // first epoch
	Minutes      int    `json:"minutes"`          // length of the intervals
	Budget       int64  `json:"budget"`           // tokens of the first epoch
	Schedule     string `json:"schedule"`         // halving, or linear to nothing
	Period       int64  `json:"period"`           // epochs: until it halves, or until nothing is left
	Availability int64  `json:"availability"`     // per mille of the budget; the rest is for delivery
	Grant        int64  `json:"grant"`            // tokens staked for a battery with its first pledge, out of the budget
	Stake        int64  `json:"stake"`            // tokens that a pledge of 1 kW needs
	Slash        int64  `json:"slash"`            // per mille of the stake that a failed challenge costs
	Smoothing    int64  `json:"smoothing"`        // per mille that the last challenge weighs in the reputation
	Threshold    int64  `json:"threshold"`        // per mille of reputation, and of challenges met, below which nothing is paid
	Challenges   int64  `json:"challenges"`       // per mille: chance of a challenge in an interval at reputation 500
	Response     int64  `json:"response"`         // s until the power must be there
	Duration     int64  `json:"duration"`         // s for which it must stay
	Energy       int64  `json:"energy,omitempty"` // Wh that a challenge changes in that time at least; 0: it asks for a power instead

	RevealPenalty int64 `json:"reveal_penalty"` // millionths of the currency unit
}

// Schedules of the emission.
const (
	Halving = "halving"
	Linear  = "linear"
)

// Pledge commits a battery for an epoch: to give, and in some hours to take.
type Pledge struct {
	Community string   `json:"community"`
	Epoch     string   `json:"epoch"`
	Battery   string   `json:"battery"`
	Power     int64    `json:"power"`            // W
	Energy    int64    `json:"energy"`           // Wh kept for it; in the hours below, room kept for it
	Charge    []string `json:"charge,omitempty"` // hours of the day in which it is challenged by charging, UTC, as in 00:00-04:30
}

// Outage declares beforehand that a battery is away.
type Outage struct {
	Community string `json:"community"`
	Battery   string `json:"battery"`
	From      string `json:"from"`  // first interval
	Until     string `json:"until"` // last interval, of the same epoch
	Reason    string `json:"reason"`
}

// Report says which pledged batteries were offered and reachable in an interval.
type Report struct {
	Community   string   `json:"community"`
	Interval    string   `json:"interval"`
	ReadingRoot string   `json:"reading_root"` // by which it can be checked
	Available   []string `json:"available"`    // sorted
}

// Flag marks an interval in which the feeder needs what batteries deliver.
type Flag struct {
	Community string `json:"community"`
	Interval  string `json:"interval"`
	Reason    string `json:"reason"` // peak, congestion or blackout
}

// StakeChange moves tokens between a battery's balance and its stake.
type StakeChange struct {
	Community string `json:"community"`
	Battery   string `json:"battery"`
	Amount    int64  `json:"amount"` // + to the stake
	Reference string `json:"reference"`
}

// Standing is how a battery stands; anyone of the community may read it.
type Standing struct {
	Reputation int64  `json:"reputation"` // per mille
	Stake      int64  `json:"stake"`      // tokens
	Granted    int64  `json:"granted"`    // of the stake: it never becomes tokens
	Tokens     int64  `json:"tokens"`     // not staked
	LastPledge string `json:"last_pledge"`
}

// Reward is what a battery got out of an epoch.
type Reward struct {
	Battery    string `json:"battery"`
	Tokens     int64  `json:"tokens"`
	Intervals  int    `json:"intervals"` // available
	Delivered  int64  `json:"delivered"` // Wh
	Challenged int    `json:"challenged"`
	Met        int    `json:"met"`
	Slashed    int64  `json:"slashed"`
	Reputation int64  `json:"reputation"` // after it
}

// Adjustment corrects what a closed epoch paid, out of the budget of one that is
// open.
type Adjustment struct {
	Community string `json:"community"`
	Epoch     string `json:"epoch"` // that is open
	Battery   string `json:"battery"`
	Tokens    int64  `json:"tokens"`  // + the battery gets
	Dispute   string `json:"dispute"` // that was upheld: each brings one adjustment
}

// EpochClosing is the record of a closed epoch: Budget + Carried + Slashed =
// Granted + Adjusted + Paid + Left.
type EpochClosing struct {
	Community string   `json:"community"`
	Epoch     string   `json:"epoch"`
	Budget    int64    `json:"budget"`  // of the schedule
	Carried   int64    `json:"carried"` // from the epoch before
	Slashed   int64    `json:"slashed"`
	Granted   int64    `json:"granted"`
	Adjusted  int64    `json:"adjusted"` // of earlier epochs
	Paid      int64    `json:"paid"`
	Left      int64    `json:"left"`
	Rewards   []Reward `json:"rewards"` // by battery
}

// most keeps all sums in bounds: W, Wh, tokens.
const most = 1_000_000_000

// counts of a register, which counts whole Wh, show what a battery did.
const counts = 20

// Keys in the state.
const (
	KindProgramme = "programme"  // community, from
	kindPledge    = "pledge"     // community, epoch, battery
	kindOutage    = "outage"     // community, epoch, battery, from
	kindReport    = "report"     // community, epoch, interval
	kindFlag      = "flag"       // community, epoch, interval
	kindStanding  = "standing"   // community, battery: reputation, stake, last pledge
	kindGrant     = "grant"      // community, epoch, battery
	kindNoted     = "noted"      // community, epoch, battery: reputation with which it pledged
	kindTokens    = "tokens"     // community, battery, source: a delta
	kindAdjusted  = "adjusted"   // community, epoch, dispute: an Adjustment
	kindAdjusting = "adjusting"  // community, dispute: the same, of which there is one
	KindEpoch     = "epoch"      // community, epoch: its EpochClosing
	kindChallenge = "challenged" // community, epoch, interval, battery: one that was met
	kindDelivery  = "delivery"   // community, epoch, interval, battery: Wh
)

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
	windows := time.Duration(2*p.Response+3*p.Duration) * time.Second
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
	case p.Response < 0 || p.Duration < 1 || windows > time.Duration(p.Minutes)*time.Minute:
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

// Pledge takes a Pledge of a battery, from its member or the operator, before
// anything of the epoch's beacon is revealed.
func (*Rewards) Pledge(ctx contractapi.TransactionContextInterface, arg string) error {
	var g Pledge
	if err := decode(arg, &g); err != nil {
		return err
	}
	if err := mayAct(ctx, g.Community, g.Battery); err != nil {
		return err
	}
	p, _, err := programmeAt(ctx, g.Community, g.Epoch)
	if err != nil {
		return err
	}
	if g.Power < 1 || g.Energy < 1 || g.Power > most || g.Energy > most {
		return fail(CodeInvalid, "power, energy: must be 1 to %d", most)
	}
	if p.tooSmall(g) {
		return fail(CodeInvalid, "power: %d W is too little: a challenge of %d s could not be told from nothing", g.Power, p.Duration)
	}
	if err := checkHours(g.Charge); err != nil {
		return err
	}
	created, err := put(ctx, g, kindPledge, g.Community, g.Epoch, g.Battery)
	if err != nil || !created {
		return err
	}
	if late, err := begun(ctx, g.Community, g.Epoch); err != nil || late {
		return cmpErr(err, fail(CodeTooLate, "epoch %s has begun", g.Epoch))
	}
	var closed EpochClosing
	if found, err := get(ctx, &closed, KindEpoch, g.Community, g.Epoch); err != nil || found {
		return cmpErr(err, fail(CodeTooLate, "epoch %s is closed", g.Epoch))
	}
	s, err := standing(ctx, g.Community, g.Battery)
	if err != nil {
		return err
	}
	if s.LastPledge == "" {
		if err := p.grant(ctx, g, &s); err != nil {
			return err
		}
	}
	if need := (p.Stake*g.Power + perMille - 1) / perMille; s.Stake < need {
		return fail(CodeFunds, "a pledge of %d W needs a stake of %d tokens, %q has %d", g.Power, need, g.Battery, s.Stake)
	}
	if err := set(ctx, s.Reputation, kindNoted, g.Community, g.Epoch, g.Battery); err != nil {
		return err
	}
	s.LastPledge = max(s.LastPledge, g.Epoch)
	if err := set(ctx, s, kindStanding, g.Community, g.Battery); err != nil {
		return err
	}
	return emit(ctx, "pledged", g)
}

// tooSmall tells whether registers, which count whole Wh, could not show the
// smallest challenge of a pledge.
func (p Programme) tooSmall(g Pledge) bool {
	if p.Energy == 0 {
		const least, half = 10, 2 // Wh; of the power
		return g.Power*p.Duration/int64(time.Hour/time.Second)/half < least
	}
	return g.Power < p.least()
}

// grant stakes what a battery gets with its first pledge, as long as the epoch's
// emission covers it.
func (p Programme) grant(ctx context, g Pledge, s *Standing) error {
	left, err := p.Emission(g.Epoch)
	if err != nil {
		return err
	}
	err = each(ctx, kindGrant, []string{g.Community, g.Epoch}, func(_ string, value []byte) error {
		var granted int64
		err := json.Unmarshal(value, &granted)
		left -= granted
		return err
	})
	if err != nil || p.Grant == 0 || p.Grant > left {
		return err
	}
	s.Stake += p.Grant
	s.Granted = p.Grant
	return set(ctx, p.Grant, kindGrant, g.Community, g.Epoch, g.Battery)
}

// mayAct checks that the caller is the operator, or the member whose battery it
// is, and that the battery is registered.
func mayAct(ctx context, community, battery string) error {
	who, err := allow(ctx, community, RoleOperator, RoleMember)
	if err != nil {
		return err
	}
	device, point, err := installed(ctx, community, battery)
	if err != nil {
		return err
	}
	if who.Role == RoleMember && point.Member != who.Member {
		return fail(CodeDenied, "%q is not the caller's", battery)
	}
	if device.Value.Kind != string(grid.Battery) || device.Revoked != "" {
		return fail(CodeInvalid, "battery: %q is not a battery, or was revoked", battery)
	}
	return nil
}

// installed returns a device and its metering point.
func installed(ctx context, community, id string) (admitted[Device], MeteringPoint, error) {
	device, err := mustHave[Device](ctx, KindDevice, community, id)
	if err != nil {
		return device, MeteringPoint{}, err
	}
	point, err := mustHave[MeteringPoint](ctx, KindMeteringPoint, community, device.Value.MeteringPoint)
	return device, point.Value, err
}

// standing returns how a battery stands, without its tokens.
func standing(ctx context, community, battery string) (s Standing, err error) {
	_, err = get(ctx, &s, kindStanding, community, battery)
	return s, err
}

// DeclareOutage takes an Outage before its first interval is sealed or revealed.
func (*Rewards) DeclareOutage(ctx contractapi.TransactionContextInterface, arg string) error {
	var o Outage
	if err := decode(arg, &o); err != nil {
		return err
	}
	if err := mayAct(ctx, o.Community, o.Battery); err != nil {
		return err
	}
	epoch, from, err := intervalPlace(ctx, o.Community, o.From)
	if err != nil {
		return err
	}
	last, until, err := intervalPlace(ctx, o.Community, o.Until)
	if err != nil {
		return err
	}
	if last != epoch || until < from {
		return fail(CodeInvalid, "until: must be in the epoch of from, and not before it")
	}
	created, err := put(ctx, o, kindOutage, o.Community, epoch, o.Battery, o.From)
	if err != nil || !created {
		return err
	}
	for _, party := range parties() {
		var revealed link
		found, err := get(ctx, &revealed, kindRevealed, o.Community, epoch, party)
		if err != nil {
			return err
		}
		if found && revealed.Index >= from {
			return fail(CodeTooLate, "from: %s has begun: an outage is declared before", o.From)
		}
	}
	return emit(ctx, "outage-declared", o)
}

// ReportInterval takes a Report of an interval that is over.
func (*Rewards) ReportInterval(ctx contractapi.TransactionContextInterface, arg string) error {
	var r Report
	if err := decode(arg, &r); err != nil {
		return err
	}
	if _, err := allow(ctx, r.Community, RoleOperator); err != nil {
		return err
	}
	epoch, _, err := intervalPlace(ctx, r.Community, r.Interval)
	if err != nil {
		return err
	}
	var sealed Beacon
	if found, err := get(ctx, &sealed, kindBeacon, r.Community, epoch, r.Interval); err != nil || !found {
		return cmpErr(err, fail(CodeMissing, "interval %s is not sealed", r.Interval))
	}
	if !slices.IsSorted(r.Available) || len(slices.Compact(slices.Clone(r.Available))) != len(r.Available) {
		return fail(CodeInvalid, "available: must be sorted, each once")
	}
	created, err := put(ctx, r, kindReport, r.Community, epoch, r.Interval)
	if err != nil || !created {
		return err
	}
	return emit(ctx, "interval-reported", r)
}

// FlagInterval takes a Flag, from either side of the feeder, before the
// interval is sealed.
func (*Rewards) FlagInterval(ctx contractapi.TransactionContextInterface, arg string) error {
	var f Flag
	if err := decode(arg, &f); err != nil {
		return err
	}
	if _, err := allow(ctx, f.Community, RoleUtility, RoleOperator); err != nil {
		return err
	}
	if !slices.Contains([]string{"peak", "congestion", "blackout"}, f.Reason) {
		return fail(CodeInvalid, "reason: %q: must be peak, congestion or blackout", f.Reason)
	}
	epoch, _, err := intervalPlace(ctx, f.Community, f.Interval)
	if err != nil {
		return err
	}
	created, err := put(ctx, f, kindFlag, f.Community, epoch, f.Interval)
	if err != nil || !created {
		return err
	}
	return emit(ctx, "interval-flagged", f)
}

// ChangeStake takes a StakeChange. Stake comes back only when every epoch that
// the battery pledged for is closed.
func (*Rewards) ChangeStake(ctx contractapi.TransactionContextInterface, arg string) error {
	var c StakeChange
	if err := decode(arg, &c); err != nil {
		return err
	}
	if err := mayAct(ctx, c.Community, c.Battery); err != nil {
		return err
	}
	s, err := standing(ctx, c.Community, c.Battery)
	if err != nil {
		return err
	}
	tokens, err := tokensOf(ctx, c.Community, c.Battery)
	if err != nil {
		return err
	}
	created, err := put(ctx, -c.Amount, kindTokens, c.Community, c.Battery, "stake/"+c.Reference)
	if err != nil || !created {
		return err
	}
	switch {
	case c.Amount == 0 || c.Amount > most || c.Amount < -most || c.Reference == "":
		return fail(CodeInvalid, "amount, reference: must be given, the amount at most %d", most)
	case c.Amount > tokens || -c.Amount > s.Stake-s.Granted:
		return fail(CodeFunds, "%q has %d tokens and a stake of %d, of which %d were granted and stay", c.Battery, tokens, s.Stake, s.Granted)
	case c.Amount < 0 && s.LastPledge != "":
		var closed EpochClosing
		if found, err := get(ctx, &closed, KindEpoch, c.Community, s.LastPledge); err != nil || !found {
			return cmpErr(err, fail(CodeConflict, "%q is pledged for %s, which is not closed", c.Battery, s.LastPledge))
		}
	}
	s.Stake += c.Amount
	if err := set(ctx, s, kindStanding, c.Community, c.Battery); err != nil {
		return err
	}
	return emit(ctx, "stake-changed", c)
}

// Adjust takes an Adjustment after a dispute about an epoch was upheld.
func (*Rewards) Adjust(ctx contractapi.TransactionContextInterface, arg string) error {
	var a Adjustment
	if err := decode(arg, &a); err != nil {
		return err
	}
	if _, err := allow(ctx, a.Community, RoleUtility); err != nil {
		return err
	}
	if _, _, err := installed(ctx, a.Community, a.Battery); err != nil {
		return err
	}
	if _, _, err := programmeAt(ctx, a.Community, a.Epoch); err != nil {
		return err
	}
	var r Resolution
	if found, err := get(ctx, &r, kindResolution, a.Community, a.Dispute); err != nil || !found || !r.Upheld {
		return cmpErr(err, fail(CodeMissing, "dispute %q was not upheld", a.Dispute))
	}
	created, err := put(ctx, a, kindAdjusting, a.Community, a.Dispute)
	if err != nil || !created {
		return err
	}
	tokens, err := tokensOf(ctx, a.Community, a.Battery)
	if err != nil {
		return err
	}
	if _, err := put(ctx, a.Tokens, kindTokens, a.Community, a.Battery, "dispute/"+a.Dispute); err != nil {
		return err
	}
	if a.Tokens == 0 || a.Tokens > most || a.Tokens < -most || tokens+a.Tokens < 0 {
		return fail(CodeFunds, "tokens: %d: %q has %d, and nobody gets more than %d", a.Tokens, a.Battery, tokens, most)
	}
	var closed EpochClosing
	if found, err := get(ctx, &closed, KindEpoch, a.Community, a.Epoch); err != nil || found {
		return cmpErr(err, fail(CodeTooLate, "epoch %s is closed", a.Epoch))
	}
	if _, err := put(ctx, a, kindAdjusted, a.Community, a.Epoch, a.Dispute); err != nil {
		return err
	}
	return emit(ctx, "reward-adjusted", a)
}

func tokensOf(ctx context, community, battery string) (sum int64, err error) {
	err = each(ctx, kindTokens, []string{community, battery}, func(_ string, value []byte) error {
		var d int64
		err := json.Unmarshal(value, &d)
		sum += d // bounded by what was minted
		return err
	})
	return sum, err
}

// GetStanding returns a battery's Standing.
func (*Rewards) GetStanding(ctx contractapi.TransactionContextInterface, community, battery string) (string, error) {
	if _, err := allow(ctx, community, RoleOperator, RoleInstaller, RoleGovernor, RoleMember, RoleUtility); err != nil {
		return "", err
	}
	s, err := standing(ctx, community, battery)
	if err != nil {
		return "", err
	}
	if s.Tokens, err = tokensOf(ctx, community, battery); err != nil {
		return "", err
	}
	return text(s)
}

// GetEpoch returns an EpochClosing.
func (*Rewards) GetEpoch(ctx contractapi.TransactionContextInterface, community, epoch string) (string, error) {
	if _, err := allow(ctx, community, RoleOperator, RoleInstaller, RoleGovernor, RoleMember, RoleUtility); err != nil {
		return "", err
	}
	var c EpochClosing
	found, err := get(ctx, &c, KindEpoch, community, epoch)
	if err == nil && !found {
		err = fail(CodeMissing, "epoch %s is not closed", epoch)
	}
	if err != nil {
		return "", err
	}
	return text(c)
}

// OpenEpoch is what the ledger has of an epoch.
type OpenEpoch struct {
	Programme Programme         `json:"programme"`
	Anchors   []string          `json:"anchors"`  // parties that have committed
	Revealed  map[string]int    `json:"revealed"` // the last link's interval in the epoch, −1 before, by party
	Pledges   []Pledge          `json:"pledges"`  // by battery
	Sealed    map[string]Beacon `json:"sealed"`   // by interval
	Reported  []string          `json:"reported"` // intervals
	Flagged   []string          `json:"flagged"`  // intervals
	Met       []string          `json:"met"`      // interval and battery
	Delivered []string          `json:"delivered"`
	Closed    bool              `json:"closed"`
}

// GetOpenEpoch returns an OpenEpoch.
func (*Rewards) GetOpenEpoch(ctx contractapi.TransactionContextInterface, community, day string) (string, error) {
	if _, err := allow(ctx, community, RoleOperator, RoleInstaller, RoleGovernor, RoleMember, RoleUtility); err != nil {
		return "", err
	}
	e, err := openEpoch(ctx, community, day)
	if err != nil {
		return "", err
	}
	o := OpenEpoch{
		Programme: e.Programme, Anchors: []string{}, Revealed: map[string]int{}, Pledges: e.pledges, Sealed: e.beacons,
		Reported: []string{}, Flagged: []string{}, Met: []string{}, Delivered: []string{},
	}
	for _, party := range parties() {
		var a Anchor
		found, err := get(ctx, &a, kindAnchor, community, day, party)
		if err != nil {
			return "", err
		}
		if !found {
			continue
		}
		o.Anchors = append(o.Anchors, party)
		at, err := lastLink(ctx, community, day, party)
		if err != nil {
			return "", err
		}
		o.Revealed[party] = at.Index
	}
	for kind, into := range map[string]*[]string{kindReport: &o.Reported, kindFlag: &o.Flagged} {
		err = errors.Join(err, each(ctx, kind, []string{community, day}, func(key string, _ []byte) error {
			*into = append(*into, last(key))
			return nil
		}))
	}
	for kind, into := range map[string]*[]string{kindChallenge: &o.Met, kindDelivery: &o.Delivered} {
		proven, failed := e.proven(ctx, kind)
		*into, err = slices.Sorted(maps.Keys(proven)), errors.Join(err, failed)
	}
	if err != nil {
		return "", err
	}
	var closed EpochClosing
	if o.Closed, err = get(ctx, &closed, KindEpoch, community, day); err != nil {
		return "", err
	}
	return text(o)
}

// GetChallenges returns the Challenges of a sealed interval, by battery.
func (*Rewards) GetChallenges(ctx contractapi.TransactionContextInterface, community, interval string) (string, error) {
	if _, err := allow(ctx, community, RoleOperator, RoleUtility); err != nil {
		return "", err
	}
	epoch, _, err := intervalPlace(ctx, community, interval)
	if err != nil {
		return "", err
	}
	e, err := openEpoch(ctx, community, epoch)
	if err != nil {
		return "", err
	}
	i, err := grid.ParseInterval(interval)
	if err != nil {
		return "", fail(CodeInvalid, "interval: %v", err)
	}
	b, sealed := e.beacons[interval]
	if !sealed {
		return "", fail(CodeMissing, "interval %s is not sealed", interval)
	}
	all := []Challenge{}
	for _, g := range e.pledges {
		if c, challenged := e.Challenge(b, i, g, e.noted[g.Battery]); challenged && !e.away(g.Battery, interval) {
			all = append(all, c)
		}
	}
	return text(all)
}

// epoch is what the ledger has of one that is open.
type epoch struct {
	Programme

	community, day string
	pledges        []Pledge // by battery
	beacons        map[string]Beacon
	outages        map[string][]Outage
	noted          map[string]int64 // reputation by battery: closing another epoch meanwhile changes no challenge of this one
}

func openEpoch(ctx context, community, at string) (*epoch, error) {
	e := &epoch{community: community, day: at, pledges: []Pledge{}, beacons: map[string]Beacon{}, outages: map[string][]Outage{}, noted: map[string]int64{}}
	var err error
	if e.Programme, _, err = programmeAt(ctx, community, at); err != nil {
		return nil, err
	}
	return e, errors.Join(
		each(ctx, kindPledge, []string{community, at}, func(_ string, value []byte) error {
			var g Pledge
			err := json.Unmarshal(value, &g)
			e.pledges = append(e.pledges, g)
			return err
		}),
		each(ctx, kindNoted, []string{community, at}, func(key string, value []byte) error {
			var reputation int64
			err := json.Unmarshal(value, &reputation)
			e.noted[last(key)] = reputation
			return err
		}),
		each(ctx, kindBeacon, []string{community, at}, func(key string, value []byte) error {
			var b Beacon
			err := json.Unmarshal(value, &b)
			e.beacons[last(key)] = b
			return err
		}),
		each(ctx, kindOutage, []string{community, at}, func(_ string, value []byte) error {
			var o Outage
			err := json.Unmarshal(value, &o)
			e.outages[o.Battery] = append(e.outages[o.Battery], o)
			return err
		}))
}

// last returns the last attribute of a composite key.
func last(key string) string {
	parts := strings.Split(strings.Trim(key, "\x00"), "\x00")
	return parts[len(parts)-1]
}

// away tells whether an outage was declared. Intervals of one length compare as
// their times do.
func (e *epoch) away(battery, interval string) bool {
	return slices.ContainsFunc(e.outages[battery], func(o Outage) bool { return o.From <= interval && interval <= o.Until })
}

// intervals of the epoch in order.
func (e *epoch) intervals() ([]grid.Interval, error) {
	begin, err := day(e.day)
	if err != nil {
		return nil, err
	}
	const minutesADay = 24 * 60
	all := make([]grid.Interval, minutesADay/e.Minutes)
	for k := range all {
		all[k] = grid.IntervalAt(begin, e.Minutes).Shift(k)
	}
	return all, nil
}

// CloseEpoch takes {community, epoch} and pays out. The epoch before must be
// closed, if the programme held for it.
func (*Rewards) CloseEpoch(ctx contractapi.TransactionContextInterface, arg string) error {
	var at struct {
		Community string `json:"community"`
		Epoch     string `json:"epoch"`
	}
	if err := decode(arg, &at); err != nil {
		return err
	}
	if _, err := allow(ctx, at.Community, RoleOperator); err != nil {
		return err
	}
	c := EpochClosing{Community: at.Community, Epoch: at.Epoch, Rewards: []Reward{}}
	if found, err := get(ctx, &c, KindEpoch, at.Community, at.Epoch); err != nil || found {
		return err
	}
	e, err := openEpoch(ctx, at.Community, at.Epoch)
	if err != nil {
		return err
	}
	if over, err := e.over(ctx); err != nil || !over {
		return cmpErr(err, fail(CodeMissing, "epoch %s is not over: neither is its last interval sealed nor a later one revealed", at.Epoch))
	}
	if err := e.carry(ctx, &c); err != nil {
		return err
	}
	if err := e.judge(ctx, &c); err != nil {
		return err
	}
	if err := e.pay(&c); err != nil {
		return err
	}
	for _, r := range c.Rewards {
		if r.Tokens == 0 {
			continue
		}
		if _, err := put(ctx, r.Tokens, kindTokens, at.Community, r.Battery, "epoch/"+at.Epoch); err != nil {
			return err
		}
	}
	if _, err := put(ctx, c, KindEpoch, at.Community, at.Epoch); err != nil {
		return err
	}
	return emit(ctx, "epoch-closed", c)
}

// over tells whether the beacon has come to the end of the epoch.
func (e *epoch) over(ctx context) (over bool, err error) {
	intervals, err := e.intervals()
	if err != nil {
		return false, err
	}
	if _, sealed := e.beacons[intervals[len(intervals)-1].String()]; sealed {
		return true, nil
	}
	err = each(ctx, kindRevealed, []string{e.community}, func(key string, _ []byte) error {
		parts := strings.Split(strings.Trim(key, "\x00"), "\x00")
		const day = 2 // after kind and community
		over = over || parts[day] > e.day
		return nil
	})
	return over, err
}

// carry finds what there is to pay out.
func (e *epoch) carry(ctx context, c *EpochClosing) error {
	var err error
	if c.Budget, err = e.Emission(e.day); err != nil {
		return err
	}
	at, err := day(e.day)
	if err != nil {
		return err
	}
	yesterday := at.AddDate(0, 0, -1).Format(time.DateOnly)
	var before EpochClosing
	found, err := get(ctx, &before, KindEpoch, e.community, yesterday)
	if err != nil {
		return err
	}
	if !found {
		if _, held, _ := programmeAt(ctx, e.community, yesterday); held {
			return fail(CodeMissing, "epoch %s is not closed", yesterday)
		}
	}
	c.Carried = before.Left
	return errors.Join(
		each(ctx, kindGrant, []string{e.community, e.day}, func(_ string, value []byte) error {
			var g int64
			err := json.Unmarshal(value, &g)
			c.Granted += g
			return err
		}),
		each(ctx, kindAdjusted, []string{e.community, e.day}, func(_ string, value []byte) error {
			var a Adjustment
			err := json.Unmarshal(value, &a)
			c.Adjusted += a.Tokens
			return err
		}))
}

// judge goes through the intervals: what was available, delivered, challenged
// and met, and what that does to reputation and stake.
func (e *epoch) judge(ctx context, c *EpochClosing) error {
	intervals, err := e.intervals()
	if err != nil {
		return err
	}
	available := map[string]bool{} // interval and battery
	err = each(ctx, kindReport, []string{e.community, e.day}, func(_ string, value []byte) error {
		var r Report
		err := json.Unmarshal(value, &r)
		for _, battery := range r.Available {
			available[r.Interval+" "+battery] = !e.away(battery, r.Interval)
		}
		return err
	})
	if err != nil {
		return err
	}
	met, err := e.proven(ctx, kindChallenge)
	if err != nil {
		return err
	}
	delivered, err := e.proven(ctx, kindDelivery)
	if err != nil {
		return err
	}
	for _, g := range e.pledges {
		s, err := standing(ctx, e.community, g.Battery)
		if err != nil {
			return err
		}
		device, _, err := installed(ctx, e.community, g.Battery)
		if err != nil {
			return err
		}
		r := Reward{Battery: g.Battery}
		for _, i := range intervals {
			name := i.String()
			b, sealed := e.beacons[name]
			if !sealed || !device.counts(i.Begin()) {
				continue
			}
			r.Delivered += delivered[name+" "+g.Battery]
			if available[name+" "+g.Battery] {
				r.Intervals++
			}
			if _, challenged := e.Challenge(b, i, g, e.noted[g.Battery]); !challenged || e.away(g.Battery, name) {
				continue
			}
			_, passed := met[name+" "+g.Battery]
			e.score(&r, &s, passed)
		}
		r.Reputation = s.Reputation
		c.Slashed += r.Slashed
		c.Rewards = append(c.Rewards, r)
		if err := set(ctx, s, kindStanding, e.community, g.Battery); err != nil {
			return err
		}
	}
	return nil
}

// score counts one challenge.
func (e *epoch) score(r *Reward, s *Standing, met bool) {
	r.Challenged++
	target := int64(0)
	if met {
		r.Met++
		target = perMille
	} else {
		lost := share(s.Stake, e.Slash, perMille)
		if lost == 0 && s.Stake > 0 && e.Slash > 0 {
			lost = 1 // a small stake is not spared by rounding
		}
		s.Stake -= lost
		s.Granted = min(s.Granted, s.Stake)
		r.Slashed += lost
	}
	s.Reputation += (target - s.Reputation) * e.Smoothing / perMille
}

// proven returns what was proven of a kind, by interval and battery.
func (e *epoch) proven(ctx context, kind string) (map[string]int64, error) {
	all := map[string]int64{}
	err := each(ctx, kind, []string{e.community, e.day}, func(key string, value []byte) error {
		var p Proven
		err := json.Unmarshal(value, &p)
		all[p.Interval+" "+last(key)] = p.Energy
		return err
	})
	return all, err
}

// pay divides what there is.
func (e *epoch) pay(c *EpochClosing) error {
	fund := c.Budget + c.Carried + c.Slashed - c.Granted - c.Adjusted
	pot := share(max(fund, 0), e.Availability, perMille)
	availability, delivery := make([]int64, len(c.Rewards)), make([]int64, len(c.Rewards))
	for k, r := range c.Rewards {
		g := e.pledges[k]
		proven := r.Reputation // a battery that was not challenged today stands on its reputation
		if r.Challenged > 0 {
			proven = int64(r.Met) * perMille / int64(r.Challenged)
		}
		if min(proven, r.Reputation) < e.Threshold {
			proven = 0
		}
		// W·h·intervals × per mille; capacity is what an hour could draw
		availability[k] = min(g.Power, g.Energy) * int64(r.Intervals) * r.Reputation / perMille * proven / perMille
		if r.Challenged > 0 { // what a battery says of itself counts as far as challenges bear it out
			delivery[k] = r.Delivered * proven
		}
	}
	first, err := divide(pot, c.Rewards, availability)
	if err != nil {
		return fail(CodeInvalid, "availability: %v", err)
	}
	second, err := divide(max(fund, 0)-pot, c.Rewards, delivery)
	if err != nil {
		return fail(CodeInvalid, "delivery: %v", err)
	}
	for k := range c.Rewards {
		c.Rewards[k].Tokens = first[k] + second[k]
		c.Paid += c.Rewards[k].Tokens
	}
	c.Left = fund - c.Paid
	return nil
}

// divide splits the pot by weight: by largest remainder, ties by battery. With
// no weight nothing is paid.
func divide(pot int64, rewards []Reward, weights []int64) ([]int64, error) {
	shares := make([]grid.Share, len(rewards))
	var sum int64
	for k, r := range rewards {
		shares[k] = grid.Share{ID: r.Battery, Weight: weights[k]}
		sum += weights[k]
	}
	if sum == 0 {
		return make([]int64, len(rewards)), nil
	}
	return grid.Split(pot, shares)
}
