package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

// Recipient is who is told of a home: each account of a member chooses for itself.
type Recipient struct {
	Account string // auth.Guest in a demonstration, whose guests of one home choose together
	Member  string
}

// Notices are what homeowners are told, by account. An error that has a method Parameter() string
// says what is wrong with what was sent.
type Notices interface {
	Settings(ctx context.Context, r Recipient) (api.NoticeSettings, error)
	Choose(ctx context.Context, r Recipient, chosen api.NoticeRequest) error
	Subscribe(ctx context.Context, r Recipient, s api.PushSubscription) error
	Unsubscribe(ctx context.Context, r Recipient, endpoint string) error
	// TurnOff does what the link of a notice asks for; known is false where it is no link of this
	// community.
	TurnOff(ctx context.Context, token string) (o api.NoticeOff, known bool, err error)
}

// wrongly says in the API's terms what is wrong with what was sent.
func wrongly(err error) error {
	var wrong interface {
		error
		Parameter() string
	}
	if errors.As(err, &wrong) {
		return refuse(http.StatusBadRequest, "%s", wrong.Error())
	}
	return err
}

// recipient returns whose notices who has signed in may see and choose.
func (o owners) recipient(ctx context.Context) (Recipient, error) {
	p, _ := auth.From(ctx)
	if p.Member == "" || !p.Person() || o.own.Notices == nil {
		return Recipient{}, refuse(http.StatusForbidden, "only who has signed in as the owner of a home is told anything")
	}
	return Recipient{p.Account, p.Member}, nil
}

// GetNotices implements the API.
func (o owners) GetNotices(ctx context.Context, _ api.GetNoticesRequestObject) (api.GetNoticesResponseObject, error) {
	recipient, err := o.recipient(ctx)
	if err != nil {
		return nil, err
	}
	s, err := o.own.Notices.Settings(ctx, recipient)
	return api.GetNotices200JSONResponse(s), err
}

// SetNotices implements the API.
func (o owners) SetNotices(ctx context.Context, r api.SetNoticesRequestObject) (api.SetNoticesResponseObject, error) {
	recipient, err := o.recipient(ctx)
	if err != nil {
		return nil, err
	}
	if err := o.own.Notices.Choose(ctx, recipient, *r.Body); err != nil {
		return nil, wrongly(err)
	}
	s, err := o.own.Notices.Settings(ctx, recipient)
	return api.SetNotices200JSONResponse(s), err
}

// SubscribePush implements the API.
func (o owners) SubscribePush(ctx context.Context, r api.SubscribePushRequestObject) (api.SubscribePushResponseObject, error) {
	recipient, err := o.recipient(ctx)
	if err != nil {
		return nil, err
	}
	return api.SubscribePush204Response{}, wrongly(o.own.Notices.Subscribe(ctx, recipient, *r.Body))
}

// UnsubscribePush implements the API.
func (o owners) UnsubscribePush(ctx context.Context, r api.UnsubscribePushRequestObject) (api.UnsubscribePushResponseObject, error) {
	recipient, err := o.recipient(ctx)
	if err != nil {
		return nil, err
	}
	return api.UnsubscribePush204Response{}, o.own.Notices.Unsubscribe(ctx, recipient, r.Params.Endpoint)
}

// TurnNoticeOff implements the API.
func (o owners) TurnNoticeOff(ctx context.Context, r api.TurnNoticeOffRequestObject) (api.TurnNoticeOffResponseObject, error) {
	missing := refuse(http.StatusNotFound, "that is no link of this community: turn notices off on the page of your home")
	if o.own.Notices == nil {
		return nil, missing
	}
	off, known, err := o.own.Notices.TurnOff(ctx, r.Params.Token)
	if err == nil && !known {
		return nil, missing
	}
	return api.TurnNoticeOff200JSONResponse(off), err
}
