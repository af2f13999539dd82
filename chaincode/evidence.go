package chaincode

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/hyperledger/fabric-contract-api-go/v2/contractapi"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/proof"
)

// Proof claims that signed readings show what a battery did in an interval.
type Proof struct {
	Community string `json:"community"`
	Interval  string `json:"interval"`
	Battery   string `json:"battery"`
	Evidence  string `json:"evidence"` // SHA-256 of the Evidence in the transient data
}

// Evidence is what proves it. It stays off the chain.
type Evidence struct {
	Salt    string            `json:"salt"`   // hex: shows whose pseudonyms these are
	Device  string            `json:"device"` // the battery's own name
	Meter   string            `json:"meter"`  // the connection meter's
	Batches []json.RawMessage `json:"batches"`
}

// Proven is what the ledger keeps of it.
type Proven struct {
	Interval string `json:"interval"`
	Energy   int64  `json:"energy"` // Wh delivered
	Evidence string `json:"evidence"`
}

// Sampling is how far apart two readings of a device may be for what is between
// them to be proven.
const Sampling = 2 * time.Minute

// ProveChallenge takes a Proof that a battery met its challenge: against the window
// before, the one after, or the mean of both, its own counters show at least four
// fifths of the change that was asked for, and the connection meter at least half of
// it, and not half more than the battery. Proof that proves nothing is refused.
func (*Rewards) ProveChallenge(ctx contractapi.TransactionContextInterface, arg string) error {
	pf, ev, e, err := openProof(ctx, arg)
	if err != nil {
		return err
	}
	i, err := grid.ParseInterval(pf.Interval)
	if err != nil {
		return fail(CodeInvalid, "interval: %v", err)
	}
	b, sealed := e.beacons[pf.Interval]
	at := slices.IndexFunc(e.pledges, func(g Pledge) bool { return g.Battery == pf.Battery })
	if !sealed || at < 0 {
		return fail(CodeMissing, "interval %s is not sealed, or %q not pledged for it", pf.Interval, pf.Battery)
	}
	c, challenged := e.Challenge(b, i, e.pledges[at], e.noted[pf.Battery])
	if !challenged || e.away(pf.Battery, pf.Interval) {
		return fail(CodeInvalid, "%q was not challenged in %s", pf.Battery, pf.Interval)
	}
	energy, err := c.met(ev)
	if err != nil {
		return err
	}
	return keepProof(ctx, pf, e.day, kindChallenge, "challenge-met", energy)
}

// Instants are when the registers of battery and meter decide about a challenge:
// the windows before, during and after.
func (c Challenge) Instants() []time.Time {
	window, response := c.Until.Sub(c.From), c.From.Sub(c.Start)
	return []time.Time{c.Start.Add(-window), c.Start, c.From, c.Until, c.Until.Add(response), c.Until.Add(response + window)}
}

// energy is what the window moves at the power asked for.
func (c Challenge) energy() grid.Energy {
	return grid.Energy(c.Power * int64(c.Until.Sub(c.From)/time.Second) / int64(time.Hour/time.Second))
}

// met judges the readings, and returns the energy in the window: what the battery
// gave or, where a change was asked for, by how much it changed.
func (c Challenge) met(ev *readings) (grid.Energy, error) {
	during, err := ev.flows(c.From, c.Until)
	if err != nil {
		return 0, err
	}
	given, asked := -during.battery, c.energy()
	const tenths = 10
	if c.Direction == "" && given < (tenths-1)*asked/tenths-1 { // registers count whole Wh
		return 0, fail(CodeInvalid, "the battery gave %d Wh of %d Wh between %s and %s", given, asked, c.From.Format(time.TimeOnly), c.Until.Format(time.TimeOnly))
	}
	for _, by := range c.changes(ev, during) {
		switch { // a battery that does the same all the time shows nothing
		case !c.shown(by):
		case c.Direction == "":
			return given, nil
		default:
			return by.battery, nil
		}
	}
	return 0, fail(CodeInvalid, "the connection meter does not show the change that was asked for, or the battery did not make it")
}

// shown tells whether a change is enough.
func (c Challenge) shown(by flows) bool {
	const fifths = 5
	asked := c.energy()
	return by.battery >= (fifths-1)*asked/fifths && by.meter >= asked/2 && by.meter <= by.battery+by.battery/2+1
}

// changes compares the window with the one before and the one after, as far as
// they were read, and with the mean of both, in which a steady drift cancels: + is in
// the direction asked for.
func (c Challenge) changes(ev *readings, during flows) (all []flows) {
	window, sign := c.Until.Sub(c.From), grid.Energy(-1)
	if c.Direction == Charging {
		sign = 1
	}
	for _, begin := range []time.Time{c.Start.Add(-window), c.Until.Add(c.From.Sub(c.Start))} {
		if other, err := ev.flows(begin, begin.Add(window)); err == nil { // one of the two is enough
			all = append(all, flows{sign * (during.battery - other.battery), sign * (during.meter - other.meter)})
		}
	}
	const both = 2
	if len(all) == both && c.Direction != "" {
		all = append(all, flows{(all[0].battery + all[1].battery) / both, (all[0].meter + all[1].meter) / both})
	}
	return all
}

// ProveDelivery takes a Proof of what a battery gave in a flagged interval, by
// its counters at both ends.
func (*Rewards) ProveDelivery(ctx contractapi.TransactionContextInterface, arg string) error {
	pf, ev, e, err := openProof(ctx, arg)
	if err != nil {
		return err
	}
	var f Flag
	found, err := get(ctx, &f, kindFlag, pf.Community, e.day, pf.Interval)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(e.pledges, func(g Pledge) bool { return g.Battery == pf.Battery })
	if !found || at < 0 || e.away(pf.Battery, pf.Interval) {
		return fail(CodeMissing, "interval %s is not flagged, or %q not pledged for it or away", pf.Interval, pf.Battery)
	}
	i, err := grid.ParseInterval(pf.Interval)
	if err != nil {
		return fail(CodeInvalid, "interval: %v", err)
	}
	net, err := ev.battery.flow(i.Begin(), i.End())
	if err != nil {
		return err
	}
	most := grid.Energy(e.pledges[at].Power * int64(e.Minutes) / int64(time.Hour/time.Minute))
	if -net < 1 {
		return fail(CodeInvalid, "the battery gave nothing in %s", pf.Interval)
	}
	return keepProof(ctx, pf, e.day, kindDelivery, "delivery-proven", min(-net, most))
}

func keepProof(ctx context, pf Proof, epoch, kind, event string, energy grid.Energy) error {
	evidence, err := transient(ctx, CollectionEvidence)
	if err != nil {
		return err
	}
	key, err := ctx.GetStub().CreateCompositeKey(kind, []string{pf.Community, epoch, pf.Interval, pf.Battery})
	if err != nil {
		return fail(CodeInvalid, "%v", err)
	}
	if err := ctx.GetStub().PutPrivateData(CollectionEvidence, key, evidence); err != nil {
		return err
	}
	proven := Proven{Interval: pf.Interval, Energy: int64(energy), Evidence: pf.Evidence}
	if _, err := put(ctx, proven, kind, pf.Community, epoch, pf.Interval, pf.Battery); err != nil {
		return err
	}
	return emit(ctx, event, pf)
}

// openProof checks who claims what, and verifies the signed readings.
func openProof(ctx context, arg string) (pf Proof, ev *readings, e *epoch, err error) {
	if err := decode(arg, &pf); err != nil {
		return pf, nil, nil, err
	}
	if _, err := allow(ctx, pf.Community, RoleOperator); err != nil {
		return pf, nil, nil, err
	}
	at, _, err := intervalPlace(ctx, pf.Community, pf.Interval)
	if err != nil {
		return pf, nil, nil, err
	}
	if e, err = openEpoch(ctx, pf.Community, at); err != nil {
		return pf, nil, nil, err
	}
	var closed EpochClosing
	if found, err := get(ctx, &closed, KindEpoch, pf.Community, at); err != nil || found {
		return pf, nil, nil, cmpErr(err, fail(CodeTooLate, "epoch %s is closed", at))
	}
	evidence, err := transient(ctx, CollectionEvidence)
	if err != nil {
		return pf, nil, nil, err
	}
	if digest(evidence) != pf.Evidence {
		return pf, nil, nil, fail(CodeInvalid, "evidence: is not the SHA-256 of what the transient data holds")
	}
	ev, err = verifyEvidence(ctx, pf, evidence)
	return pf, ev, e, err
}

// readings are the registers that evidence shows, by time.
type readings struct{ battery, meter registers }

type registers []grid.Registers

// flows are what battery and meter took, or by how much that changed.
type flows struct{ battery, meter grid.Energy }

func (r *readings) flows(from, until time.Time) (f flows, err error) {
	if f.battery, err = r.battery.flow(from, until); err != nil {
		return f, err
	}
	f.meter, err = r.meter.flow(from, until)
	return f, err
}

func verifyEvidence(ctx context, pf Proof, evidence []byte) (*readings, error) {
	var ev Evidence
	if err := decode(string(evidence), &ev); err != nil {
		return nil, err
	}
	salt, err := hex.DecodeString(ev.Salt)
	if err != nil || Pseudonym(salt, KindDevice, ev.Device) != pf.Battery {
		return nil, fail(CodeInvalid, "evidence.device: is not the battery %q", pf.Battery)
	}
	battery, point, err := installed(ctx, pf.Community, pf.Battery)
	if err != nil {
		return nil, err
	}
	meter, _, err := installed(ctx, pf.Community, Pseudonym(salt, KindDevice, ev.Meter))
	if err != nil {
		return nil, err
	}
	i, err := grid.ParseInterval(pf.Interval)
	if err != nil {
		return nil, fail(CodeInvalid, "interval: %v", err)
	}
	if !battery.counts(i.Begin()) || !meter.counts(i.Begin()) {
		return nil, fail(CodeInvalid, "the battery or its meter was revoked before %s", pf.Interval)
	}
	if battery.Value.Kind != string(grid.Battery) || meter.Value.Kind != string(grid.Meter) || meter.Value.MeteringPoint != battery.Value.MeteringPoint {
		return nil, fail(CodeInvalid, "evidence.meter: is not the connection meter of the battery")
	}
	found := &readings{}
	for k, signed := range ev.Batches {
		b, _, err := proof.ReadBatch(signed)
		if err != nil {
			return nil, fail(CodeInvalid, "evidence.batches[%d]: %v", k, err)
		}
		if b.Community != pf.Community || Pseudonym(salt, KindMember, b.Member) != point.Member {
			return nil, fail(CodeInvalid, "evidence.batches[%d]: is of another member", k)
		}
		until, err := signedBy(ctx, pf.Community, b.Gateway, signed)
		if err != nil {
			return nil, err
		}
		for _, r := range b.Readings {
			if r.Quality != grid.Good || r.Import == nil || r.Export == nil || !until.counts(r.Time) {
				continue
			}
			at := grid.Registers{Time: r.Time, Import: *r.Import, Export: *r.Export}
			switch r.Device {
			case ev.Device:
				found.battery = append(found.battery, at)
			case ev.Meter:
				found.meter = append(found.meter, at)
			}
		}
	}
	for _, all := range []registers{found.battery, found.meter} {
		slices.SortFunc(all, func(a, b grid.Registers) int { return a.Time.Compare(b.Time) })
	}
	return found, nil
}

// signedBy checks that one of the gateway's keys signed the batch.
func signedBy(ctx context, community, gateway string, signed []byte) (admitted[[]GatewayKey], error) {
	keys, err := mustHave[[]GatewayKey](ctx, KindGateway, community, gateway)
	if err != nil {
		return keys, err
	}
	for _, k := range keys.Value {
		key, err := proof.DecodeKey(k.PublicKey)
		if err == nil && proof.VerifyBatch(signed, key) == nil {
			return keys, nil
		}
	}
	return keys, fail(CodeInvalid, "evidence: a batch is not signed by a key of gateway %q", gateway)
}

// flow returns the net energy taken between two instants.
func (r registers) flow(from, until time.Time) (grid.Energy, error) {
	a, err := r.at(from)
	if err != nil {
		return 0, err
	}
	b, err := r.at(until)
	if err != nil {
		return 0, err
	}
	if b.Import < a.Import || b.Export < a.Export {
		return 0, fail(CodeInvalid, "evidence: registers run backwards between %s and %s", from.Format(time.TimeOnly), until.Format(time.TimeOnly))
	}
	return b.Import - a.Import - (b.Export - a.Export), nil
}

// at returns the registers at an instant, between two readings that are close.
func (r registers) at(t time.Time) (grid.Registers, error) {
	k, exact := slices.BinarySearchFunc(r, t, func(a grid.Registers, t time.Time) int { return a.Time.Compare(t) })
	if exact {
		return r[k], nil
	}
	if k == 0 || k == len(r) || r[k].Time.Sub(r[k-1].Time) > Sampling {
		return grid.Registers{}, fail(CodeMissing, "evidence: no readings close around %s", t.Format(time.RFC3339))
	}
	at, err := grid.At(r[k-1], r[k], t)
	if err != nil {
		return at, fail(CodeInvalid, "evidence: %v", err)
	}
	return at, nil
}
