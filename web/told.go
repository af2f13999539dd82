package web

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/commonwatt/commonwatt/web/api"
)

// Told is what devices told, as it was signed. known is false where a home has no such device.
type Told interface {
	Readings(ctx context.Context, home, device string, until *time.Time, minutes int) (r api.HomeReadings, known bool, err error)
	// Batch returns a signed batch of a home, nil where it has none of the digest.
	Batch(ctx context.Context, home, digest string) ([]byte, error)
}

// Consents are what members allow others. known is false where there is no such home.
type Consents interface {
	Consent(home string) (c api.HomeConsent, known bool)
	Decide(home string, r api.ConsentRequest) error
}

const (
	usualMinutes = 10
	mostMinutes  = 60
)

// ListReadings implements the API.
func (o owners) ListReadings(ctx context.Context, r api.ListReadingsRequestObject) (api.ListReadingsResponseObject, error) {
	if err := o.may(ctx, r.Home); err != nil {
		return nil, err
	}
	minutes := usualMinutes
	if r.Params.Minutes != nil {
		minutes = *r.Params.Minutes
	}
	if minutes < 1 || minutes > mostMinutes {
		return nil, refuse(http.StatusBadRequest, "minutes: ask for 1 to %d", mostMinutes)
	}
	if o.own.Told != nil {
		told, known, err := o.own.Told.Readings(ctx, r.Home, r.Device, r.Params.Until, minutes)
		if known || err != nil {
			return api.ListReadings200JSONResponse(told), err
		}
	}
	return nil, refuse(http.StatusNotFound, "home %q has no device %q: GET /api/v1/state lists its devices", r.Home, r.Device)
}

// GetBatch implements the API.
func (o owners) GetBatch(ctx context.Context, r api.GetBatchRequestObject) (api.GetBatchResponseObject, error) {
	if o.own.Told != nil {
		signed, err := o.own.Told.Batch(ctx, r.Home, r.Digest)
		if signed != nil || err != nil {
			return api.GetBatch200ApplicationoctetStreamResponse{
				Body: bytes.NewReader(signed), ContentLength: int64(len(signed)), Headers: api.GetBatch200ResponseHeaders{ContentDisposition: attached(r.Digest + ".batch")},
			}, err
		}
	}
	return nil, refuse(http.StatusNotFound, "no batch %q of this home is kept", r.Digest)
}

// GetConsent implements the API.
func (o owners) GetConsent(_ context.Context, r api.GetConsentRequestObject) (api.GetConsentResponseObject, error) {
	c, err := o.consent(r.Home)
	return api.GetConsent200JSONResponse(c), err
}

func (o owners) consent(home string) (api.HomeConsent, error) {
	if o.own.Consents != nil {
		if c, known := o.own.Consents.Consent(home); known {
			return c, nil
		}
	}
	return api.HomeConsent{}, noHome(home)
}

// SetConsent implements the API.
func (o owners) SetConsent(_ context.Context, r api.SetConsentRequestObject) (api.SetConsentResponseObject, error) {
	if _, err := o.consent(r.Home); err != nil {
		return nil, err
	}
	if err := o.own.Consents.Decide(r.Home, *r.Body); err != nil {
		return nil, err
	}
	c, err := o.consent(r.Home)
	return api.SetConsent200JSONResponse(c), err
}
