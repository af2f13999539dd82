package web

import (
	"context"
	"net/http"

	"github.com/commonwatt/commonwatt/community"
	"github.com/commonwatt/commonwatt/web/api"
)

// agents answers programs that trade for a member.
type agents struct{ entry *OrderEntry }

// GetTrader implements the API.
func (a agents) GetTrader(ctx context.Context, _ api.GetTraderRequestObject) (api.GetTraderResponseObject, error) {
	t := a.entry.trader(ctx)
	return api.GetTrader200JSONResponse{Member: t.Member, MeteringPoints: listed(t.Points()), Rate: t.Rate}, nil
}

// GetMarket implements the API.
func (a agents) GetMarket(context.Context, api.GetMarketRequestObject) (api.GetMarketResponseObject, error) {
	return api.GetMarket200JSONResponse(a.entry.orders.Rules()), nil
}

// GetBestPrices implements the API.
func (a agents) GetBestPrices(ctx context.Context, r api.GetBestPricesRequestObject) (api.GetBestPricesResponseObject, error) {
	b, err := a.entry.best(a.entry.trader(ctx), r.Params.Interval, r.Params.MeteringPoint)
	return api.GetBestPrices200JSONResponse(b), err
}

// ListFills implements the API.
func (a agents) ListFills(ctx context.Context, r api.ListFillsRequestObject) (api.ListFillsResponseObject, error) {
	all, err := a.entry.fills(a.entry.trader(ctx), r.Params.Interval)
	return api.ListFills200JSONResponse(all), err
}

// ListOrders implements the API.
func (a agents) ListOrders(ctx context.Context, _ api.ListOrdersRequestObject) (api.ListOrdersResponseObject, error) {
	all, err := a.entry.list(a.entry.trader(ctx), nil)
	return api.ListOrders200JSONResponse(all), err
}

// SubmitOrders implements the API.
func (a agents) SubmitOrders(ctx context.Context, r api.SubmitOrdersRequestObject) (api.SubmitOrdersResponseObject, error) {
	wait, err := a.entry.submit(a.entry.trader(ctx), *r.Body)
	if err != nil {
		return nil, err
	}
	outcomes, err := wait()
	return api.SubmitOrders200JSONResponse(answers(outcomes)), err
}

// CancelOrders implements the API.
func (a agents) CancelOrders(ctx context.Context, r api.CancelOrdersRequestObject) (api.CancelOrdersResponseObject, error) {
	wait, err := a.entry.withdraw(a.entry.trader(ctx), r.Params.Interval)
	if err != nil {
		return nil, err
	}
	outcomes, err := wait()
	all := make(api.CancelOrders200JSONResponse, len(outcomes))
	for i, o := range outcomes {
		all[i] = order(o.Order)
	}
	return all, err
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
	o, err := one(a.entry.replace(a.entry.trader(ctx), r.ClientId, r.Body.Energy, r.Body.Price, r.Body.Version))
	if err != nil {
		return nil, err
	}
	if o.Rejected != "" {
		return nil, refuse(http.StatusConflict, "%s", o.Rejected)
	}
	return api.ReplaceOrder200JSONResponse(order(o.Order)), nil
}

// CancelOrder implements the API. An order that waits no more is cancelled already.
func (a agents) CancelOrder(ctx context.Context, r api.CancelOrderRequestObject) (api.CancelOrderResponseObject, error) {
	o, err := one(a.entry.cancel(a.entry.trader(ctx), []string{r.ClientId}))
	if err != nil {
		return nil, err
	}
	return api.CancelOrder200JSONResponse(order(o.Order)), nil
}
