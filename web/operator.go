package web

import (
	"context"

	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
)

// Operator serves those who run the community; without a key, nobody.
type Operator struct {
	Key       string
	Community func() api.Community
	Tariffs   TariffBook // nil: there are none
	Members   Members
	Fund      Fund // which everybody may look at
	Values    Values
	Bills     Bills
	Operation func(ctx context.Context) api.Operation
	Backup    func(ctx context.Context) (Backup, error) // takes one of now
}

// Operated has a server answer the operator.
func (s *Server) Operated(o Operator) *Server {
	s.operations.operators, s.operations.funds = operators{o, s.operations.operators.log}, funds{o.Fund}
	s.door.Keys.Grant(o.Key, auth.Principal{Role: auth.Operator, Name: "operator"})
	return s
}

// operators answers those who run the community. An operation is reached with the key
// alone, so that a server without an operator answers none of them.
type operators struct {
	operator Operator
	log      *accounts.Log // nil: nobody has an account
}

// GetCommunity implements the API.
func (s operators) GetCommunity(context.Context, api.GetCommunityRequestObject) (api.GetCommunityResponseObject, error) {
	return api.GetCommunity200JSONResponse(s.operator.Community()), nil
}

// GetOperation implements the API.
func (s operators) GetOperation(ctx context.Context, _ api.GetOperationRequestObject) (api.GetOperationResponseObject, error) {
	return api.GetOperation200JSONResponse(s.operator.Operation(ctx)), nil
}
