package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/commonwatt/commonwatt/agent/limits"
	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

// Wishes are what the homeowners want of their homes' agents. known is false where there is
// no such home.
type Wishes interface {
	Limits(home string) (l api.HomeLimits, known bool)
	// SetLimits sets all of a home's limits, which are durable when it returns. Errors:
	// *limits.FieldError, or that nothing could be kept.
	SetLimits(home string, l api.LimitsRequest) error
	// ResetLimits has what the configuration gives count again.
	ResetLimits(home string) error
}

// Plans are what the homes' agents plan and how well they forecast. known is false where there
// is no such home.
type Plans interface {
	Plan(home string) (p api.HomePlan, known bool)
	Skill(home string) (s api.HomeSkill, known bool)
}

// Measures say how well the community does.
type Measures interface {
	Measures(ctx context.Context) (api.Measures, error)
}

// Planning is what is shown of the homes' agents, and what homeowners may set. What is nil is
// not there.
type Planning struct {
	Wishes   Wishes
	Plans    Plans
	Measures Measures
}

// Planned has a server show what the homes' agents plan, and take the homeowners' limits.
func (s *Server) Planned(p Planning) *Server {
	s.operations.planners = planners{p, s.operations.entry}
	return s
}

// planners answers those who look at plans and limits, and who set these.
type planners struct {
	planning Planning
	traders  *OrderEntry // who may set the limits of one home
}

// noHome says that nothing is known of a home.
func noHome(home string) error {
	return refuse(http.StatusNotFound, "%s", auth.NoHome(home))
}

// shown returns the limits of a home.
func (p planners) shown(home string) (api.HomeLimits, error) {
	if p.planning.Wishes != nil {
		if l, known := p.planning.Wishes.Limits(home); known {
			return l, nil
		}
	}
	return api.HomeLimits{}, noHome(home)
}

// may tells whether who sent a request may look at a home's agent and set its limits: the key of an agent is
// about one member. Who may not do it for any does not come so far.
func (p planners) may(ctx context.Context, home string) error {
	if who, known := auth.From(ctx); known && who.Role == auth.Trader {
		if own := p.traders.trader(ctx).Member; own != home {
			return refuse(http.StatusForbidden, "this key is about the home of %q alone: use its own key, or the installer's or the operator's", own)
		}
	}
	return nil
}

// GetLimits implements the API.
func (p planners) GetLimits(ctx context.Context, r api.GetLimitsRequestObject) (api.GetLimitsResponseObject, error) {
	if err := p.may(ctx, r.Home); err != nil {
		return nil, err
	}
	l, err := p.shown(r.Home)
	return api.GetLimits200JSONResponse(l), err
}

// SetLimits implements the API.
func (p planners) SetLimits(ctx context.Context, r api.SetLimitsRequestObject) (api.SetLimitsResponseObject, error) {
	l, err := p.change(ctx, r.Home, func(w Wishes) error { return w.SetLimits(r.Home, *r.Body) })
	return api.SetLimits200JSONResponse(l), err
}

// ResetLimits implements the API.
func (p planners) ResetLimits(ctx context.Context, r api.ResetLimitsRequestObject) (api.ResetLimitsResponseObject, error) {
	l, err := p.change(ctx, r.Home, func(w Wishes) error { return w.ResetLimits(r.Home) })
	return api.ResetLimits200JSONResponse(l), err
}

// change changes the limits of a home, if who asks may do it, and returns them as they are
// then.
func (p planners) change(ctx context.Context, home string, change func(Wishes) error) (api.HomeLimits, error) {
	if err := p.may(ctx, home); err != nil { // first: who may not learns of no home
		return api.HomeLimits{}, err
	}
	if _, err := p.shown(home); err != nil {
		return api.HomeLimits{}, err
	}
	err := change(p.planning.Wishes)
	if wrong := (*limits.FieldError)(nil); errors.As(err, &wrong) {
		return api.HomeLimits{}, refuse(http.StatusBadRequest, "%v", wrong)
	}
	if err != nil {
		return api.HomeLimits{}, err
	}
	return p.shown(home)
}

// GetPlan implements the API.
func (p planners) GetPlan(ctx context.Context, r api.GetPlanRequestObject) (api.GetPlanResponseObject, error) {
	if err := p.may(ctx, r.Home); err != nil {
		return nil, err
	}
	if p.planning.Plans != nil {
		if plan, known := p.planning.Plans.Plan(r.Home); known {
			return api.GetPlan200JSONResponse(plan), nil
		}
	}
	return nil, noHome(r.Home)
}

// GetSkill implements the API.
func (p planners) GetSkill(ctx context.Context, r api.GetSkillRequestObject) (api.GetSkillResponseObject, error) {
	if err := p.may(ctx, r.Home); err != nil {
		return nil, err
	}
	if p.planning.Plans != nil {
		if skill, known := p.planning.Plans.Skill(r.Home); known {
			return api.GetSkill200JSONResponse(skill), nil
		}
	}
	return nil, noHome(r.Home)
}

// GetMeasures implements the API.
func (p planners) GetMeasures(ctx context.Context, _ api.GetMeasuresRequestObject) (api.GetMeasuresResponseObject, error) {
	if p.planning.Measures == nil {
		return api.GetMeasures200JSONResponse{}, nil
	}
	m, err := p.planning.Measures.Measures(ctx)
	return api.GetMeasures200JSONResponse(m), err
}
