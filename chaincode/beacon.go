package chaincode

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/record"
)

// The beacon draws the challenges of an epoch. Before it, the operator and the
// utility each commit to the end of a hash chain; before each interval each
// reveals the link before the last, so that neither knows what comes, and
// nobody else either. Sealing fixes the seed of an interval from what was
// revealed. Who has not revealed by then pays a penalty, and every battery is
// challenged: holding back spares nobody.

// Anchor commits a party to its secrets of an epoch.
type Anchor struct {
	Community string `json:"community"`
	Epoch     string `json:"epoch"`
	Anchor    string `json:"anchor"` // hex
}

// Reveal opens the link of an interval.
type Reveal struct {
	Community string `json:"community"`
	Interval  string `json:"interval"`
	Value     string `json:"value"` // hex
}

// Beacon is a sealed interval.
type Beacon struct {
	Seed    string   `json:"seed"`    // hex
	Missing []string `json:"missing"` // parties that had not revealed
}

// intervalOf names an interval of a community, as an argument.
type intervalOf struct {
	Community string `json:"community"`
	Interval  string `json:"interval"`
}

const (
	kindAnchor   = "beacon-anchor"   // community, epoch, party
	kindRevealed = "beacon-revealed" // community, epoch, party: the last Link
	kindNotice   = "beacon-notice"   // community, epoch, interval, party that demands the other's reveal
	kindBeacon   = "beacon"          // community, epoch, interval
)

// link is the last that a party revealed.
type link struct {
	Index int    `json:"index"` // of the interval in the epoch
	Value string `json:"value"`
}

// parties of the beacon, by role.
func parties() []string { return []string{RoleOperator, RoleUtility} }

// Links returns the hash chain that begins with a secret: links[k] is revealed
// for the k-th interval of the epoch, and its hash is the link before; anchor is
// committed to.
func Links(secret []byte, intervals int) (anchor string, links []string) {
	at := sha256.Sum256(secret)
	links = make([]string, intervals)
	for k := intervals - 1; k >= 0; k-- {
		links[k] = hex.EncodeToString(at[:])
		at = sha256.Sum256(at[:])
	}
	return hex.EncodeToString(at[:]), links
}

// place finds an interval in its epoch.
func (p Programme) place(interval string) (epoch string, index int, err error) {
	i, err := grid.ParseInterval(interval)
	if err != nil {
		return "", 0, fail(CodeInvalid, "interval: %v", err)
	}
	if i.Minutes != p.Minutes {
		return "", 0, fail(CodeInvalid, "interval: %q: those of the programme have %d minutes", interval, p.Minutes)
	}
	begin := i.Begin()
	return begin.Format(time.DateOnly), (begin.Hour()*60 + begin.Minute()) / p.Minutes, nil
}

// CommitBeacon takes an Anchor from either party, before anything of the epoch
// is sealed.
func (*Rewards) CommitBeacon(ctx contractapi.TransactionContextInterface, arg string) error {
	var a Anchor
	if err := decode(arg, &a); err != nil {
		return err
	}
	who, err := allow(ctx, a.Community, parties()...)
	if err != nil {
		return err
	}
	if _, _, err := programmeAt(ctx, a.Community, a.Epoch); err != nil {
		return err
	}
	if b, err := hex.DecodeString(a.Anchor); err != nil || len(b) != sha256.Size {
		return fail(CodeInvalid, "anchor: must be 32 bytes in hex")
	}
	created, err := put(ctx, a, kindAnchor, a.Community, a.Epoch, who.Role)
	if err != nil || !created {
		return err
	}
	if sealed, err := begun(ctx, a.Community, a.Epoch, 0); err != nil || sealed {
		return cmpErr(err, fail(CodeTooLate, "epoch %s has begun", a.Epoch))
	}
	return emit(ctx, "beacon-committed", a)
}

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// begun tells whether any party has revealed its link of an interval of the epoch, given by
// its place there, or of a later one.
func begun(ctx context, community, epoch string, index int) (bool, error) {
	for _, party := range parties() {
		var last link
		found, err := get(ctx, &last, kindRevealed, community, epoch, party)
		if err != nil || found && last.Index >= index {
			return err == nil, err
		}
	}
	return false, nil
}

// RevealBeacon takes a Reveal of the caller's link. Links come in order; those
// left out are implied by the next.
func (*Rewards) RevealBeacon(ctx contractapi.TransactionContextInterface, arg string) error {
	var r Reveal
	if err := decode(arg, &r); err != nil {
		return err
	}
	who, err := allow(ctx, r.Community, parties()...)
	if err != nil {
		return err
	}
	epoch, index, err := intervalPlace(ctx, r.Community, r.Interval)
	if err != nil {
		return err
	}
	last, err := lastLink(ctx, r.Community, epoch, who.Role)
	if err != nil {
		return err
	}
	if index == last.Index && r.Value == last.Value {
		return nil
	}
	if index <= last.Index {
		return fail(CodeTooLate, "interval %s: a later one was revealed", r.Interval)
	}
	if !follows(last, link{index, r.Value}) {
		return fail(CodeInvalid, "value: is not the link that was committed to")
	}
	var sealed Beacon
	if found, err := get(ctx, &sealed, kindBeacon, r.Community, epoch, r.Interval); err != nil || found {
		return cmpErr(err, fail(CodeTooLate, "interval %s is sealed", r.Interval))
	}
	if err := set(ctx, link{index, r.Value}, kindRevealed, r.Community, epoch, who.Role); err != nil {
		return err
	}
	return emit(ctx, "beacon-revealed", r)
}

func intervalPlace(ctx context, community, interval string) (epoch string, index int, err error) {
	i, err := grid.ParseInterval(interval)
	if err != nil {
		return "", 0, fail(CodeInvalid, "interval: %v", err)
	}
	p, _, err := programmeAt(ctx, community, i.Begin().Format(time.DateOnly))
	if err != nil {
		return "", 0, err
	}
	epoch, index, err = p.place(interval)
	return epoch, index, err
}

// lastLink returns what the party revealed last: its anchor, at index −1, when
// nothing.
func lastLink(ctx context, community, epoch, party string) (link, error) {
	var last link
	found, err := get(ctx, &last, kindRevealed, community, epoch, party)
	if err != nil || found {
		return last, err
	}
	var a Anchor
	if found, err = get(ctx, &a, kindAnchor, community, epoch, party); err != nil {
		return link{}, err
	}
	if !found {
		return link{}, fail(CodeMissing, "the %s has not committed to a beacon for %s", party, epoch)
	}
	return link{Index: -1, Value: a.Anchor}, nil
}

// follows tells whether hashing next often enough gives last.
func follows(last, next link) bool {
	at, err := hex.DecodeString(next.Value)
	if err != nil || len(at) != sha256.Size {
		return false
	}
	for range next.Index - last.Index {
		sum := sha256.Sum256(at)
		at = sum[:]
	}
	return hex.EncodeToString(at) == last.Value
}

// SealBeacon takes {community, interval} from a party that has revealed the
// interval's link, and fixes the seed from what was revealed. While the other has
// not revealed, the first call demands that it does, and the next one seals. A
// party that never committed to the epoch pays no penalty.
func (*Rewards) SealBeacon(ctx contractapi.TransactionContextInterface, arg string) error {
	var at intervalOf
	if err := decode(arg, &at); err != nil {
		return err
	}
	who, err := allow(ctx, at.Community, parties()...)
	if err != nil {
		return err
	}
	epoch, index, err := intervalPlace(ctx, at.Community, at.Interval)
	if err != nil {
		return err
	}
	var sealed Beacon
	if found, err := get(ctx, &sealed, kindBeacon, at.Community, epoch, at.Interval); err != nil || found {
		return err
	}
	b := Beacon{Missing: []string{}}
	h := sha256.New()
	h.Write([]byte("commonwatt/beacon/1\n" + at.Community + "\n" + at.Interval + "\n"))
	for _, party := range parties() {
		var last link
		if _, err := get(ctx, &last, kindRevealed, at.Community, epoch, party); err != nil {
			return err
		}
		if last.Value == "" || last.Index != index {
			b.Missing = append(b.Missing, party)
			continue
		}
		h.Write([]byte(party + " " + last.Value + "\n"))
	}
	if slices.Contains(b.Missing, who.Role) {
		return fail(CodeMissing, "the caller has not revealed its own link of %s", at.Interval)
	}
	if len(b.Missing) > 0 {
		noticed, err := put(ctx, at, kindNotice, at.Community, epoch, at.Interval, who.Role)
		if err != nil {
			return err
		}
		if noticed {
			return emit(ctx, "reveal-demanded", at)
		}
	}
	b.Seed = hex.EncodeToString(h.Sum(nil))
	if _, err := put(ctx, b, kindBeacon, at.Community, epoch, at.Interval); err != nil {
		return err
	}
	if err := penalise(ctx, at, b.Missing); err != nil {
		return err
	}
	return emit(ctx, "beacon-sealed", struct {
		intervalOf
		Beacon
	}{at, b})
}

// penalise makes who held back pay the other side: the operator's side is the
// fund.
func penalise(ctx context, at intervalOf, missing []string) error {
	for _, party := range missing {
		var a Anchor
		committed, err := get(ctx, &a, kindAnchor, at.Community, at.Interval[:len(time.DateOnly)], party)
		if err != nil {
			return err
		}
		if !committed {
			continue
		}
		p, _, err := programmeAt(ctx, at.Community, at.Interval[:len(time.DateOnly)])
		if err != nil {
			return err
		}
		if p.RevealPenalty == 0 {
			continue
		}
		i, err := grid.ParseInterval(at.Interval)
		if err != nil {
			return fail(CodeInvalid, "interval: %v", err)
		}
		debit, credit := "fund", "utility"
		if party == RoleUtility {
			debit, credit = credit, debit
		}
		_, err = post(ctx, at.Community, record.Posting{
			Debit: debit, Credit: credit, Amount: grid.Money(p.RevealPenalty), Reason: ReasonPenalty, Reference: party + "/" + at.Interval,
		}, i.Begin())
		if err != nil {
			return err
		}
	}
	return nil
}

// Directions of a challenge: what the battery's power changes by, against what it
// did.
const (
	Charging    = "charge"
	Discharging = "discharge"
)

// Challenge asks a battery to change its power for a while, in a direction.
// Without one, as programmes without an energy ask, it asks it to discharge at the
// power, whatever it did.
type Challenge struct {
	Interval  string    `json:"interval"`
	Battery   string    `json:"battery"`
	Start     time.Time `json:"start"`
	From      time.Time `json:"from"`  // the response time is over
	Until     time.Time `json:"until"` // the window ends
	Power     int64     `json:"power"` // W
	Direction string    `json:"direction,omitempty"`
}

const perMille = 1000

// Challenge tells whether and how the sealed beacon challenges a pledged battery,
// by the reputation with which it pledged (per mille).
func (p Programme) Challenge(b Beacon, i grid.Interval, g Pledge, reputation int64) (c Challenge, challenged bool) {
	h := sha256.Sum256([]byte("commonwatt/challenge/1\n" + b.Seed + "\n" + g.Battery + "\n"))
	const most = 1500 // reputation lowers the rate to a third of what a new battery has
	rate := uint64(max(1, p.Challenges*(most-reputation)/perMille))
	if len(b.Missing) == 0 && binary.BigEndian.Uint64(h[:8])%perMille >= rate {
		return Challenge{}, false
	}
	// Between the windows before and after, which show the change; the power has
	// the response time to come, and to go.
	response, duration := time.Duration(p.Response)*time.Second, time.Duration(p.Duration)*time.Second
	start := i.Begin().Add(duration)
	spare := i.Length() - 2*response - 3*duration
	if step := p.step(); spare > 0 {
		start = start.Add(time.Duration(int64(binary.BigEndian.Uint32(h[8:12]))%int64(spare/step+1)) * step)
	}
	c = Challenge{Interval: i.String(), Battery: g.Battery, Start: start, From: start.Add(response), Until: start.Add(response + duration)}
	c.Power, c.Direction = p.size(g, int64(binary.BigEndian.Uint32(h[12:16]))), g.Direction(i)
	if p.Energy == 0 {
		c.Direction = ""
	}
	return c, true
}

// step is what the starts of challenges are apart: a minute, since meters are read
// at whole minutes, and a window that begins and ends with a reading moves no
// energy in vain.
func (p Programme) step() time.Duration {
	if p.Energy == 0 {
		return time.Second
	}
	return time.Minute
}

// size draws the power of a challenge. Its window moves the programme's energy, or
// up to a quarter more, and never more than was pledged; a programme without an
// energy asks for at least half of what was pledged.
func (p Programme) size(g Pledge, draw int64) int64 {
	if p.Energy == 0 {
		const half = perMille / 2
		return g.Power * (half + draw%(half+1)) / perMille
	}
	const quarter = 4
	least := p.least()
	return min(g.Power, least+draw%(least/quarter+1))
}

// least is the power that moves the programme's energy in a window, rounded up.
func (p Programme) least() int64 {
	const hour = int64(time.Hour / time.Second)
	return (p.Energy*hour + p.Duration - 1) / p.Duration
}
