package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

// Installer serves the pairing of devices to who has its key; without one, to nobody.
type Installer struct {
	Desk *pairing.Bench
	Key  string

	Elsewhere func() []Elsewhere           // devices that gateways on other machines read; nil: none
	Movable   func(b pairing.Binding) bool // whether a device may be moved; nil: none may
	// Try has a device take a power for a while, W, + taken by it. Errors are the device's, or say
	// what has to be mended.
	Try func(ctx context.Context, b pairing.Binding, p grid.Power, during time.Duration) (Trial, error)
}

func (i *Installer) elsewhere() []Elsewhere {
	if i.Elsewhere == nil {
		return nil
	}
	return i.Elsewhere()
}

// refused says in the API's terms why a step was not taken. What is left is the
// device: it does not answer, or not well.
func refused(err error) error {
	conflict, missing := (*pairing.ConflictError)(nil), (*pairing.NotFoundError)(nil)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing):
		return refuse(http.StatusNotFound, "%v", err)
	case errors.As(err, &conflict):
		return refuse(http.StatusConflict, "%v", err)
	default:
		return refuse(http.StatusBadGateway, "%v", err)
	}
}

// installers answers those who pair devices.
type installers struct {
	installer *Installer
	live      *Live
}

// onThisMachine refuses who has signed in to a demonstration by a click, and names a device that
// is not reached by loopback's address: real devices, serial lines and files are none of theirs.
func onThisMachine(ctx context.Context, all ...modbus.Endpoint) error {
	if p, _ := auth.From(ctx); p.Account != auth.Guest {
		return nil
	}
	for _, e := range all {
		host, _, _ := net.SplitHostPort(e.Address)
		ip := net.ParseIP(host)
		if e.Scheme != modbus.TCP && e.Scheme != modbus.RTUOverTCP || ip == nil || !ip.IsLoopback() {
			return refuse(http.StatusForbidden, "a demonstration's installer asks simulated devices alone: give an address of this machine, as in 127.0.0.1:502, or sign in with an account of your own")
		}
	}
	return nil
}

// DiscoverDevices implements the API.
func (s installers) DiscoverDevices(ctx context.Context, r api.DiscoverDevicesRequestObject) (api.DiscoverDevicesResponseObject, error) {
	places, err := pairing.Places(r.Body.Places)
	if err == nil {
		if err := onThisMachine(ctx, places...); err != nil {
			return nil, err
		}
		err = pairing.Resolve(ctx, places)
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "places: %v", err)
	}
	desk := s.installer.Desk
	found := api.DiscoverDevices200JSONResponse{}
	for _, e := range pairing.Listening(ctx, places, desk.Holds, func() {}) {
		units, err := pairing.Identify(ctx, e, pairing.Search{Access: desk.Access, First: true, Progress: func(uint8) {}})
		if errors.Is(err, context.Canceled) {
			return nil, err
		}
		if err == nil {
			found = append(found, units...)
		}
	}
	return found, nil
}

// ListPairedDevices implements the API.
func (s installers) ListPairedDevices(context.Context, api.ListPairedDevicesRequestObject) (api.ListPairedDevicesResponseObject, error) {
	bound, err := s.installer.Desk.Bound()
	if bound == nil {
		bound = []pairing.Binding{}
	}
	for k := range bound {
		bound[k].Warning = s.live.Warning(bound[k].ID)
	}
	return api.ListPairedDevices200JSONResponse(bound), err
}

// ListProfiles implements the API.
func (s installers) ListProfiles(context.Context, api.ListProfilesRequestObject) (api.ListProfilesResponseObject, error) {
	set := s.installer.Desk.Profiles
	all := api.ListProfiles200JSONResponse{}
	for _, id := range set.IDs() {
		p := set.Get(id)
		reads := api.DeviceProfile{Id: id, Vendor: p.Vendor}
		for _, k := range p.Kinds() {
			reads.Kinds = append(reads.Kinds, string(k))
		}
		all = append(all, reads)
	}
	return all, nil
}

// ListPairings implements the API.
func (s installers) ListPairings(context.Context, api.ListPairingsRequestObject) (api.ListPairingsResponseObject, error) {
	sessions, err := s.installer.Desk.Sessions()
	all := make(api.ListPairings200JSONResponse, len(sessions))
	for i, session := range sessions {
		all[i] = *session
	}
	return all, err
}

// BeginPairing implements the API.
func (s installers) BeginPairing(ctx context.Context, r api.BeginPairingRequestObject) (api.BeginPairingResponseObject, error) {
	target, err := modbus.ParseEndpoint(r.Body.Target)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "target: %v", err)
	}
	if err := onThisMachine(ctx, target); err != nil {
		return nil, err
	}
	w := wish(*r.Body)
	w.By = nameOf(ctx)
	session, err := s.installer.Desk.Begin(ctx, w, func(uint8) {})
	if err != nil {
		return nil, refused(err)
	}
	return api.BeginPairing200JSONResponse(*session), nil
}

// wish is what the installer says of the device to pair.
func wish(said api.PairingRequest) pairing.Wish {
	w := pairing.Wish{
		Target: said.Target, Unit: narrow[uint8](said.Unit),
		How: pairing.How{Own: pairing.Own{
			MaxRegs: narrow[uint16](said.MaxRegs), MaxHole: narrow[uint16](said.MaxHole), GapMS: narrow[int](said.GapMs),
			ConnectDelayMS: narrow[int](said.ConnectDelayMs), TimeoutMS: narrow[int](said.TimeoutMs), SingleConnection: said.SingleConnection,
		}, Ratings: pairing.Ratings{
			Rated: (*grid.Power)(said.Rated), Capacity: (*grid.Energy)(said.Capacity), ImportLimit: (*grid.Power)(said.ImportLimit), ExportLimit: (*grid.Power)(said.ExportLimit),
			Control: said.Control != nil && *said.Control,
		}},
	}
	if said.Planning != nil {
		w.Say(*said.Planning)
	}
	if said.Profile != nil {
		w.Profile = *said.Profile
	}
	if said.Kind != nil {
		w.Kind = grid.DeviceKind(*said.Kind)
	}
	if said.Part != nil {
		w.Part = int(*said.Part)
	}
	return w
}

// narrow is a number that the API has checked, in the type of what it is for; nil where
// none is given.
func narrow[T uint8 | uint16 | int](n *int32) *T {
	if n == nil {
		return nil
	}
	return new(T(*n))
}

// GetPairing implements the API.
func (s installers) GetPairing(_ context.Context, r api.GetPairingRequestObject) (api.GetPairingResponseObject, error) {
	session, err := s.installer.Desk.Session(r.Id)
	if err != nil {
		return nil, refused(err)
	}
	return api.GetPairing200JSONResponse(*session), nil
}

// EndPairing implements the API.
func (s installers) EndPairing(_ context.Context, r api.EndPairingRequestObject) (api.EndPairingResponseObject, error) {
	if err := s.installer.Desk.Forget(r.Id); err != nil {
		return nil, refused(err)
	}
	return api.EndPairing204Response{}, nil
}

// MeasurePairing implements the API.
func (s installers) MeasurePairing(ctx context.Context, r api.MeasurePairingRequestObject) (api.MeasurePairingResponseObject, error) {
	session, live, err := s.installer.Desk.Measure(ctx, r.Id)
	if err != nil {
		return nil, refused(err)
	}
	return api.MeasurePairing200JSONResponse{Session: *session, Live: live}, nil
}

// CheckPairingSign implements the API.
func (s installers) CheckPairingSign(ctx context.Context, r api.CheckPairingSignRequestObject) (api.CheckPairingSignResponseObject, error) {
	session, err := s.installer.Desk.CheckSign(ctx, r.Id, pairing.Load(r.Body.Load))
	if err != nil {
		return nil, refused(err)
	}
	return api.CheckPairingSign200JSONResponse(*session), nil
}

// BindPairing implements the API.
func (s installers) BindPairing(_ context.Context, r api.BindPairingRequestObject) (api.BindPairingResponseObject, error) {
	said := r.Body
	ratings := pairing.Ratings{Rated: (*grid.Power)(said.Rated), Capacity: (*grid.Energy)(said.Capacity), ImportLimit: (*grid.Power)(said.ImportLimit), ExportLimit: (*grid.Power)(said.ExportLimit), Control: said.Control != nil && *said.Control}
	if said.Planning != nil {
		ratings.Say(*said.Planning)
	}
	if !ratings.IsZero() {
		if _, err := s.installer.Desk.Rate(r.Id, ratings); err != nil {
			return nil, refused(err)
		}
	}
	replaces := ""
	if said.Replaces != nil {
		replaces = *said.Replaces
	}
	if err := s.installer.Desk.Replace(r.Id, replaces); err != nil {
		return nil, refused(err)
	}
	session, err := s.installer.Desk.Bind(r.Id, grid.Device{ID: said.Id, Member: said.Member, MeteringPoint: said.MeteringPoint})
	if err != nil {
		return nil, refused(err)
	}
	return api.BindPairing200JSONResponse(*session), nil
}

// WatchPairing implements the API.
func (s installers) WatchPairing(ctx context.Context, r api.WatchPairingRequestObject) (api.WatchPairingResponseObject, error) {
	duration := pairing.WatchFor
	if r.Body.Seconds != nil {
		duration = time.Duration(*r.Body.Seconds) * time.Second
	}
	session, err := s.installer.Desk.Watch(ctx, r.Id, duration, func(int) {})
	if err != nil {
		return nil, refused(err)
	}
	if s.installer.Desk.Trial {
		session.Warnings = append(slices.Clone(session.Warnings), "this community is simulated: the device was looked at, and not added")
	}
	return api.WatchPairing200JSONResponse(*session), nil
}
