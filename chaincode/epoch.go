package chaincode

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"

	"github.com/commonwatt/commonwatt/grid"
)

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

// epoch is what the ledger has of one that is open.
type epoch struct {
	Programme

	community, day string
	pledges        []Pledge          // by battery
	from           map[string]string // first interval of a pledge that does not count for all of the epoch, by battery
	beacons        map[string]Beacon
	outages        map[string][]Outage
	noted          map[string]int64 // reputation by battery: closing another epoch meanwhile changes no challenge of this one
}

func openEpoch(ctx context, community, at string) (*epoch, error) {
	e := &epoch{community: community, day: at, pledges: []Pledge{}, from: map[string]string{}, beacons: map[string]Beacon{}, outages: map[string][]Outage{}, noted: map[string]int64{}}
	var err error
	if e.Programme, _, err = programmeAt(ctx, community, at); err != nil {
		return nil, err
	}
	return e, errors.Join(
		each(ctx, kindPledge, []string{community, at}, func(_ string, value []byte) error {
			var g Pledge
			err := json.Unmarshal(value, &g)
			e.pledges = append(e.pledges, g)
			e.from[g.Battery] = g.From
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

// away tells whether an outage was declared, or the pledge counts from a later interval on.
// Intervals of one length compare as their times do.
func (e *epoch) away(battery, interval string) bool {
	return interval < e.from[battery] || slices.ContainsFunc(e.outages[battery], func(o Outage) bool { return o.From <= interval && interval <= o.Until })
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
