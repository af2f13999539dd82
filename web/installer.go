package web

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/meters/modbus"
	"github.com/commonwatt/commonwatt/meters/pairing"
)

// Installer serves the pairing of devices to who has its key.
type Installer struct {
	Desk *pairing.Bench
	Key  string
}

func (i *Installer) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+i.Key)) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			problem(w, http.StatusUnauthorized, "send the installer's key as \"Authorization: Bearer KEY\": it is in installer.key in the data directory")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// routes adds the installer's routes to mux; what they are sent is held to the
// schemas.
func (i *Installer) routes(mux *http.ServeMux, check checker, api http.Handler) {
	mux.Handle("/api/v1/pairing/", i.authenticated(api))
	for path, schema := range map[string]string{
		"discover": "DiscoverRequest", "sessions": "PairingRequest",
		"sessions/{id}/sign": "SignCheck", "sessions/{id}/bind": "BindRequest", "sessions/{id}/watch": "WatchRequest",
	} {
		mux.Handle("POST /api/v1/pairing/"+path, i.authenticated(check.body(schema, api)))
	}
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

// DiscoverDevices implements the API.
func (s *Server) DiscoverDevices(ctx context.Context, r DiscoverDevicesRequestObject) (DiscoverDevicesResponseObject, error) {
	places, err := pairing.Places(r.Body.Places)
	if err == nil {
		err = pairing.Resolve(ctx, places)
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "places: %v", err)
	}
	desk := s.installer.Desk
	found := DiscoverDevices200JSONResponse{}
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
func (s *Server) ListPairedDevices(context.Context, ListPairedDevicesRequestObject) (ListPairedDevicesResponseObject, error) {
	bound, err := s.installer.Desk.Bound()
	if bound == nil {
		bound = []pairing.Binding{}
	}
	for k := range bound {
		bound[k].Warning = s.live.Warning(bound[k].ID)
	}
	return ListPairedDevices200JSONResponse(bound), err
}

// ListProfiles implements the API.
func (s *Server) ListProfiles(context.Context, ListProfilesRequestObject) (ListProfilesResponseObject, error) {
	set := s.installer.Desk.Profiles
	all := ListProfiles200JSONResponse{}
	for _, id := range set.IDs() {
		p := set.Get(id)
		reads := DeviceProfile{Id: id, Vendor: p.Vendor}
		for _, k := range p.Kinds() {
			reads.Kinds = append(reads.Kinds, string(k))
		}
		all = append(all, reads)
	}
	return all, nil
}

// ListPairings implements the API.
func (s *Server) ListPairings(context.Context, ListPairingsRequestObject) (ListPairingsResponseObject, error) {
	sessions, err := s.installer.Desk.Sessions()
	all := make(ListPairings200JSONResponse, len(sessions))
	for i, session := range sessions {
		all[i] = *session
	}
	return all, err
}

// BeginPairing implements the API.
func (s *Server) BeginPairing(ctx context.Context, r BeginPairingRequestObject) (BeginPairingResponseObject, error) {
	if _, err := modbus.ParseEndpoint(r.Body.Target); err != nil {
		return nil, refuse(http.StatusBadRequest, "target: %v", err)
	}
	var unit int32
	var by string
	var kind grid.DeviceKind
	if r.Body.Unit != nil {
		unit = *r.Body.Unit
	}
	if r.Body.Profile != nil {
		by = *r.Body.Profile
	}
	if r.Body.Kind != nil {
		kind = grid.DeviceKind(*r.Body.Kind)
	}
	session, err := s.installer.Desk.Begin(ctx, r.Body.Target, uint8(unit), by, kind, func(uint8) {})
	if err != nil {
		return nil, refused(err)
	}
	return BeginPairing200JSONResponse(*session), nil
}

// GetPairing implements the API.
func (s *Server) GetPairing(_ context.Context, r GetPairingRequestObject) (GetPairingResponseObject, error) {
	session, err := s.installer.Desk.Session(r.Id)
	if err != nil {
		return nil, refused(err)
	}
	return GetPairing200JSONResponse(*session), nil
}

// EndPairing implements the API.
func (s *Server) EndPairing(_ context.Context, r EndPairingRequestObject) (EndPairingResponseObject, error) {
	if err := s.installer.Desk.Forget(r.Id); err != nil {
		return nil, refused(err)
	}
	return EndPairing204Response{}, nil
}

// MeasurePairing implements the API.
func (s *Server) MeasurePairing(ctx context.Context, r MeasurePairingRequestObject) (MeasurePairingResponseObject, error) {
	session, live, err := s.installer.Desk.Measure(ctx, r.Id)
	if err != nil {
		return nil, refused(err)
	}
	return MeasurePairing200JSONResponse{Session: *session, Live: live}, nil
}

// CheckPairingSign implements the API.
func (s *Server) CheckPairingSign(ctx context.Context, r CheckPairingSignRequestObject) (CheckPairingSignResponseObject, error) {
	session, err := s.installer.Desk.CheckSign(ctx, r.Id, pairing.Load(r.Body.Load))
	if err != nil {
		return nil, refused(err)
	}
	return CheckPairingSign200JSONResponse(*session), nil
}

// BindPairing implements the API.
func (s *Server) BindPairing(_ context.Context, r BindPairingRequestObject) (BindPairingResponseObject, error) {
	session, err := s.installer.Desk.Bind(r.Id, grid.Device{ID: r.Body.Id, Member: r.Body.Member, MeteringPoint: r.Body.MeteringPoint})
	if err != nil {
		return nil, refused(err)
	}
	return BindPairing200JSONResponse(*session), nil
}

// WatchPairing implements the API.
func (s *Server) WatchPairing(ctx context.Context, r WatchPairingRequestObject) (WatchPairingResponseObject, error) {
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
	return WatchPairing200JSONResponse(*session), nil
}
