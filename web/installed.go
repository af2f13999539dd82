package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/pairing"
	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

// Elsewhere is a device that a gateway on another machine reads.
type Elsewhere struct {
	grid.Device

	Gateway string
	Profile string
}

// Trial is what a device did while it was told to take a power, W, + taken by it.
type Trial struct {
	Before   grid.Power
	Held     *grid.Power // what it was told within its bounds; nil: nothing could be written, or its gateway tells it
	Readings []grid.Reading
	Followed bool
	Released bool
}

// nameOf returns who asks, as they are called.
func nameOf(ctx context.Context) string {
	who, _ := auth.From(ctx)
	return who.Name
}

// ListDevices implements the API.
func (s installers) ListDevices(context.Context, api.ListDevicesRequestObject) (api.ListDevicesResponseObject, error) {
	desk := s.installer.Desk
	names, err1 := desk.Names()
	bound, err2 := desk.Bound()
	removed, err3 := desk.Removed()
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	all := api.ListDevices200JSONResponse{}
	add := func(d grid.Device, how func(*api.CommunityDevice)) {
		one := s.shown(d, names[d.ID])
		how(&one)
		all = append(all, one)
	}
	for _, b := range bound {
		add(b.Device, func(d *api.CommunityDevice) { s.bound(d, b) })
	}
	for _, e := range s.installer.elsewhere() {
		add(e.Device, func(d *api.CommunityDevice) { d.Configured, d.Gateway, d.Profile = true, &e.Gateway, &e.Profile })
	}
	for _, b := range removed {
		add(b.Device, func(d *api.CommunityDevice) {
			s.bound(d, b)
			d.State, d.Last, d.Movable, d.Removable = api.Removed, nil, false, false
		})
	}
	return all, nil
}

// shown is what is known of any device.
func (s installers) shown(d grid.Device, name string) api.CommunityDevice {
	one := api.CommunityDevice{Id: d.ID, Kind: string(d.Kind), Member: d.Member, MeteringPoint: d.MeteringPoint, State: api.Unheard}
	one.Name, one.Serial, one.Warning = given[string](name), given[string](d.Serial), given[string](s.live.Warning(d.ID))
	last, online := s.live.Reading(d.ID)
	if last == nil {
		return one
	}
	one.State = api.Silent
	if online {
		one.State = api.Online
	}
	age := max(s.live.clock().Sub(last.Time), 0)
	one.Last = &api.LastReading{Time: last.Time, AgeS: int64(age.Seconds()), Quality: api.LastReadingQuality(last.Quality)}
	one.Last.Power, one.Last.Import, one.Last.Export = (*int64)(last.Power), (*int64)(last.Import), (*int64)(last.Export)
	if last.Charge != nil {
		one.Last.Charge = new(int32(*last.Charge))
	}
	return one
}

// bound adds how a device is read.
func (s installers) bound(d *api.CommunityDevice, b pairing.Binding) {
	d.Configured, d.Binding = b.Configured, &b
	d.Profile, d.Target, d.Unit = given[string](b.Profile), given[string](b.Target), new(int32(b.Unit))
	d.Movable = s.installer.Movable != nil && s.installer.Movable(b)
	d.Removable = !s.installer.Desk.Trial
}

// find returns a device that is read here.
func (s installers) find(id string) (pairing.Binding, error) {
	bound, err := s.installer.Desk.Bound()
	if err != nil {
		return pairing.Binding{}, err
	}
	for _, b := range bound {
		if b.ID == id {
			return b, nil
		}
	}
	return pairing.Binding{}, refuse(http.StatusNotFound, "there is no device %q that is read here: GET /api/v1/devices lists them", id)
}

// ChangeDevice implements the API.
func (s installers) ChangeDevice(ctx context.Context, r api.ChangeDeviceRequestObject) (api.ChangeDeviceResponseObject, error) {
	said := r.Body
	if said.Name != nil {
		if err := s.rename(r.Device, *said.Name); err != nil {
			return nil, err
		}
	}
	if said.Rated == nil && said.Capacity == nil && said.ImportLimit == nil && said.ExportLimit == nil && said.Control == nil && said.Planning == nil {
		return api.ChangeDevice204Response{}, nil
	}
	err := s.installer.Desk.Change(ctx, r.Device, func(of *pairing.Ratings) { made(of, said) })
	if err != nil {
		return nil, refused(err)
	}
	return api.ChangeDevice204Response{}, nil
}

// made is what a device is made for, as is said of it now.
func made(of *pairing.Ratings, said *api.DeviceChange) {
	if said.Rated != nil {
		of.Rated = (*grid.Power)(said.Rated)
	}
	if said.Capacity != nil {
		of.Capacity = (*grid.Energy)(said.Capacity)
	}
	if said.ImportLimit != nil {
		of.ImportLimit = (*grid.Power)(said.ImportLimit)
	}
	if said.ExportLimit != nil {
		of.ExportLimit = (*grid.Power)(said.ExportLimit)
	}
	if said.Control != nil {
		of.Control = *said.Control
	}
	if said.Planning != nil {
		of.Say(*said.Planning)
	}
}

// rename has people call a device something else.
func (s installers) rename(id, name string) error {
	for _, e := range s.installer.elsewhere() {
		if e.ID == id {
			return s.installer.Desk.Rename(id, name)
		}
	}
	if _, err := s.find(id); err != nil {
		return err
	}
	return s.installer.Desk.Rename(id, name)
}

// RemoveDevice implements the API.
func (s installers) RemoveDevice(ctx context.Context, r api.RemoveDeviceRequestObject) (api.RemoveDeviceResponseObject, error) {
	how := pairing.Removal{By: nameOf(ctx), Sure: r.Params.Confirm != nil && *r.Params.Confirm}
	if r.Params.Reason != nil {
		how.Reason = strings.TrimSpace(*r.Params.Reason)
	}
	for _, e := range s.installer.elsewhere() {
		if e.ID == r.Device {
			return nil, refuse(http.StatusConflict, "device %s is read by gateway %s: take it out of the gateway's configuration and of that of the community", e.ID, e.Gateway)
		}
	}
	if err := s.installer.Desk.Remove(ctx, r.Device, how); err != nil {
		return nil, refused(err)
	}
	return api.RemoveDevice204Response{}, nil
}

// RestoreDevice implements the API.
func (s installers) RestoreDevice(ctx context.Context, r api.RestoreDeviceRequestObject) (api.RestoreDeviceResponseObject, error) {
	if err := s.installer.Desk.TakeBack(ctx, r.Device, nameOf(ctx)); err != nil {
		return nil, refused(err)
	}
	return api.RestoreDevice204Response{}, nil
}

// TryDevice implements the API.
func (s installers) TryDevice(ctx context.Context, r api.TryDeviceRequestObject) (api.TryDeviceResponseObject, error) {
	b, err := s.find(r.Device)
	if err != nil {
		return nil, err
	}
	if s.installer.Try == nil || s.installer.Movable == nil || !s.installer.Movable(b) {
		return nil, refuse(http.StatusConflict, "device %s may not be moved: allow it first (control), of a device whose profile says how it is moved", b.ID)
	}
	const usual = 10
	during := usual * time.Second
	if r.Body.Seconds != nil {
		during = time.Duration(*r.Body.Seconds) * time.Second
	}
	t, err := s.installer.Try(ctx, b, grid.Power(r.Body.Power), during)
	if err != nil {
		return nil, refused(err)
	}
	answer := api.TryDevice200JSONResponse{Before: int64(t.Before), Held: (*int64)(t.Held), Followed: t.Followed, Released: t.Released, Readings: []api.TrialReading{}}
	for _, x := range t.Readings {
		answer.Readings = append(answer.Readings, api.TrialReading{Time: x.Time, Power: int64(*x.Power)})
	}
	return answer, nil
}
