package web

import (
	"context"
	"log/slog"
	"net/http"
	"sync"

	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

// pages answers those that show the live state.
type pages struct {
	live    *Live
	log     *slog.Logger
	still   func(r *http.Request) (auth.Principal, bool) // who sends a request as things are now
	buffers *sync.Pool                                   // of WebSockets
}

// GetStatus implements the API.
func (p pages) GetStatus(ctx context.Context, _ api.GetStatusRequestObject) (api.GetStatusResponseObject, error) {
	return api.GetStatus200JSONResponse(sees(ctx).status(p.live.status(ctx))), nil
}

// GetState implements the API.
func (p pages) GetState(ctx context.Context, _ api.GetStateRequestObject) (api.GetStateResponseObject, error) {
	return api.GetState200JSONResponse(p.live.look(sees(ctx), p.live.status.soon(ctx))), nil
}
