package web

import (
	"context"
	"net/http"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/web/api"
)

// agents answers programs that trade for a member.
type agents struct{ entry *OrderEntry }

// GetTrader implements the API.
func (a agents) GetTrader(ctx context.Context, _ api.GetTraderRequestObject) (api.GetTraderResponseObject, error) {
	t := a.entry.trader(ctx)
	return api.GetTrader200JSONResponse{Member: t.Member, MeteringPoints: t.Points(), Rate: t.Rate}, nil
}

// GetMarket implements the API.
func (a agents) GetMarket(context.Context, api.GetMarketRequestObject) (api.GetMarketResponseObject, error) {
	return api.GetMarket200JSONResponse(a.entry.orders.Rules()), nil
}

// SubmitOrders implements the API.
func (a agents) SubmitOrders(ctx context.Context, r api.SubmitOrdersRequestObject) (api.SubmitOrdersResponseObject, error) {
	all, err := a.entry.submit(a.entry.trader(ctx), *r.Body)
	return api.SubmitOrders200JSONResponse(all), err
}

// GetOrder implements the API.
func (a agents) GetOrder(ctx context.Context, r api.GetOrderRequestObject) (api.GetOrderResponseObject, error) {
	o, known := a.entry.orders.Find(a.entry.trader(ctx).Member, r.ClientId)
	if !known {
		return nil, refuse(http.StatusNotFound, "client_id %q: %s", r.ClientId, community.ErrNoOrder)
	}
	return api.GetOrder200JSONResponse(order(o)), nil
}

// ReplaceOrder implements the API.
func (a agents) ReplaceOrder(ctx context.Context, r api.ReplaceOrderRequestObject) (api.ReplaceOrderResponseObject, error) {
	o, err := a.entry.one(a.entry.trader(ctx), community.Change{ClientID: r.ClientId, Energy: grid.Energy(r.Body.Energy), Price: grid.Price(r.Body.Price)})
	if err != nil {
		return nil, err
	}
	if o.Rejected != "" {
		return nil, refuse(http.StatusConflict, "%s", o.Rejected)
	}
	return api.ReplaceOrder200JSONResponse(order(o.Order)), nil
}

// CancelOrder implements the API.
func (a agents) CancelOrder(ctx context.Context, r api.CancelOrderRequestObject) (api.CancelOrderResponseObject, error) {
	o, err := a.entry.one(a.entry.trader(ctx), community.Change{ClientID: r.ClientId, Cancel: true})
	if err != nil {
		return nil, err
	}
	return api.CancelOrder200JSONResponse(order(o.Order)), nil
}
