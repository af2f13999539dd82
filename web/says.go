package web

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/commonwatt/commonwatt/meters/pairing"
	sentences "github.com/commonwatt/commonwatt/said"
	"github.com/commonwatt/commonwatt/web/api"
)

// sayer adds to what the server answers how each of its sentences is said in every language. It is safe for
// concurrent use.
type sayer struct {
	catalogue *sentences.Catalogue
	zone      atomic.Pointer[time.Location] // whose clocks times are shown by; nil: UTC
}

func newSayer() (*sayer, error) {
	c, err := sentences.Open()
	if err != nil {
		return nil, err
	}
	return &sayer{catalogue: c}, nil
}

// in has times shown by the clocks of a zone, as in Europe/Berlin; one that is not known leaves them in UTC.
func (s *sayer) in(zone string) {
	if l, err := time.LoadLocation(zone); err == nil {
		s.zone.Store(l)
	}
}

// one says a text.
func (s *sayer) one(text string) sentences.Sentence {
	zone := s.zone.Load()
	if zone == nil {
		zone = time.UTC
	}
	return s.catalogue.Tell(text, zone)
}

// of says a text that may be absent or empty; of one that is in no file there is nothing more to say.
func (s *sayer) of(text *string) *sentences.Sentence {
	if text == nil || *text == "" {
		return nil
	}
	if one := s.one(*text); one.Code != "" {
		return &one
	}
	return nil
}

// all says each of some texts.
func (s *sayer) all(texts []string) []sentences.Sentence {
	if len(texts) == 0 {
		return nil
	}
	out := make([]sentences.Sentence, len(texts))
	for k, text := range texts {
		out[k] = s.one(text)
	}
	return out
}

// apart says the sentences that stand in one text, one after the other.
func (s *sayer) apart(text string) (out []sentences.Sentence) {
	left := text
	for left != "" {
		first, rest := left, ""
		for at := 0; ; {
			k := strings.Index(left[at:], ". ")
			if k < 0 {
				break
			}
			at += k + 1
			if _, known := s.catalogue.Read(left[:at]); known {
				first, rest = left[:at], left[at+1:]
				break
			}
		}
		out, left = append(out, s.one(first)), rest
	}
	return out
}

// status returns a source of the status that says its alarms.
func (s *sayer) status(of statusSource) statusSource {
	return func(ctx context.Context) api.Status {
		st := of(ctx)
		st.AlarmsSaid = s.all(st.Alarms)
		return st
	}
}

// answers is a middleware of the API that says what its operations answer.
func (s *sayer) answers(next api.StrictHandlerFunc, _ string) api.StrictHandlerFunc {
	return func(ctx context.Context, w http.ResponseWriter, r *http.Request, request any) (any, error) {
		answer, err := next(ctx, w, r, request)
		if err != nil {
			return answer, err
		}
		return s.told(answer), nil
	}
}

// told says the sentences of an answer. What others may hold as well is copied before it is changed.
func (s *sayer) told(answer any) any {
	switch a := answer.(type) {
	case api.GetPlan200JSONResponse:
		a.Points = each(a.Points, func(p *api.PointPlan) { p.WhySaid, p.UnmetSaid = s.apart(p.Why), s.all(p.Unmet) })
		return a
	case api.GetLimits200JSONResponse:
		a.Sentences = s.limits(a.Sentences)
		return a
	case api.SetLimits200JSONResponse:
		a.Sentences = s.limits(a.Sentences)
		return a
	case api.ResetLimits200JSONResponse:
		a.Sentences = s.limits(a.Sentences)
		return a
	case api.GetMeasures200JSONResponse:
		a.Unknown = each(a.Unknown, func(u *api.UnknownMeasure) { u.Said = s.of(&u.Reason) })
		return a
	case api.GetOperation200JSONResponse:
		a.Checks = each(a.Checks, func(c *api.Check) { c.Said = s.of(c.Text) })
		return a
	case api.ListTariffs200JSONResponse:
		a.Tariffs = each(a.Tariffs, s.tariff)
		return a
	case api.ListRuns200JSONResponse:
		a.Runs = each(a.Runs, func(r *api.Run) { r.Said = s.of(r.Problem) })
		return a
	case api.GetRun200JSONResponse:
		a.Run.Said = s.of(a.Run.Problem)
		return a
	case api.StartRun200JSONResponse:
		a.Said = s.of(a.Problem)
		return a
	case api.ListScenarios200JSONResponse:
		a.Scenarios = each(a.Scenarios, func(o *api.ScenarioSummary) { o.Said = s.of(&o.About) })
		return a
	case api.ListDevices200JSONResponse:
		return api.ListDevices200JSONResponse(each(a, func(d *api.CommunityDevice) { d.Said = s.of(d.Warning) }))
	default:
		return s.toldOfMoney(s.toldOfPairing(s.toldOfOrders(answer)))
	}
}

// toldOfMoney says what the operator is answered about bills, values and members.
func (s *sayer) toldOfMoney(answer any) any {
	switch a := answer.(type) {
	case api.DraftBills200JSONResponse:
		a.Left = s.left(a.Left)
		return a
	case api.SendBills200JSONResponse:
		a.Left = s.left(a.Left)
		return a
	case api.ExportBills200JSONResponse:
		a.Left = s.left(a.Left)
		return a
	case api.ImportValues200JSONResponse:
		a.Problems = each(a.Problems, func(p *api.ValuesProblem) { p.Said = s.of(&p.Text) })
		a.Notes = each(a.Notes, func(n *api.ValuesNote) { n.Said = s.of(&n.Text) })
		return a
	case api.ReconcileValues200JSONResponse:
		a.Energy = each(a.Energy, func(e *api.ReconciledEnergy) { e.Said = s.of(&e.Reason) })
		return a
	case api.ImportMembers200JSONResponse:
		a.Problems = each(a.Problems, func(p *api.MemberProblem) { p.Said = s.of(&p.Says) })
		return a
	default:
		return answer
	}
}

// toldOfOrders says what agents are answered.
func (s *sayer) toldOfOrders(answer any) any {
	switch a := answer.(type) {
	case api.SubmitOrders200JSONResponse:
		return api.SubmitOrders200JSONResponse(s.orders(a))
	case api.ListOrders200JSONResponse:
		return api.ListOrders200JSONResponse(each(a, s.order))
	case api.GetOrder200JSONResponse:
		a.Said = s.of(a.Reason)
		return a
	case api.ReplaceOrder200JSONResponse:
		a.Said = s.of(a.Reason)
		return a
	case api.CancelOrder200JSONResponse:
		a.Said = s.of(a.Reason)
		return a
	default:
		return answer
	}
}

// toldOfPairing says what installers are answered.
func (s *sayer) toldOfPairing(answer any) any {
	switch a := answer.(type) {
	case api.ListPairedDevices200JSONResponse:
		return api.ListPairedDevices200JSONResponse(each(a, func(b *api.PairedDevice) { b.Said = s.of(&b.Warning) }))
	case api.ListPairings200JSONResponse:
		return api.ListPairings200JSONResponse(each(a, s.pairing))
	case api.GetPairing200JSONResponse:
		s.pairing((*api.PairingSession)(&a))
		return a
	case api.BeginPairing200JSONResponse:
		s.pairing((*api.PairingSession)(&a))
		return a
	case api.CheckPairingSign200JSONResponse:
		s.pairing((*api.PairingSession)(&a))
		return a
	case api.BindPairing200JSONResponse:
		s.pairing((*api.PairingSession)(&a))
		return a
	case api.WatchPairing200JSONResponse:
		s.pairing((*api.PairingSession)(&a))
		return a
	case api.MeasurePairing200JSONResponse:
		s.pairing(&a.Session)
		a.Live.WarningsSaid = s.all(a.Live.Warnings)
		a.Live.Points = each(a.Live.Points, func(p *pairing.LivePoint) { p.Said = s.of(&p.Error) })
		return a
	default:
		return answer
	}
}

func (s *sayer) limits(all []api.LimitSentence) []api.LimitSentence {
	return each(all, func(l *api.LimitSentence) { l.Said = s.of(&l.Text) })
}

func (s *sayer) left(all []api.BillLeft) []api.BillLeft {
	return each(all, func(l *api.BillLeft) { l.Said = s.of(&l.Why) })
}

func (s *sayer) tariff(t *api.TariffNow) {
	t.Said = s.of(t.Problem)
	t.Today = each(t.Today, func(p *api.TariffPeriod) { p.Said = s.of(p.Problem) })
}

func (s *sayer) order(o *api.Order) { o.Said = s.of(o.Reason) }

func (s *sayer) orders(all []api.OrderAnswer) []api.OrderAnswer {
	return each(all, func(a *api.OrderAnswer) {
		a.Said = s.of(a.Error)
		if a.Order != nil && a.Order.Reason != nil {
			o := *a.Order
			s.order(&o)
			a.Order = &o
		}
	})
}

func (s *sayer) pairing(p *api.PairingSession) { p.WarningsSaid = s.all(p.Warnings) }

// each returns a copy of a list of which every element was changed; what is no list stays none.
func each[T any](all []T, change func(*T)) []T {
	all = slices.Clone(all)
	for k := range all {
		change(&all[k])
	}
	return all
}

// problems adds to every refusal how it is said: what is answered with an error, and is JSON, is a Problem of
// openapi.yaml.
func (s *sayer) problems(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") { // it takes the connection over
			next.ServeHTTP(w, r)
			return
		}
		held := &refusing{ResponseWriter: w}
		next.ServeHTTP(held, r)
		if !held.holds {
			return
		}
		problem := api.Problem{}
		if err := json.Unmarshal(held.body.Bytes(), &problem); err != nil || problem.Error == "" {
			w.WriteHeader(held.code)
			_, _ = w.Write(held.body.Bytes())
			return
		}
		problem.Said = s.of(&problem.Error)
		w.Header().Del("Content-Length")
		w.WriteHeader(held.code)
		_ = json.NewEncoder(w).Encode(problem) // the client is gone if this fails
	})
}

// refusing is where an answer is written; one with an error in JSON is held back.
type refusing struct {
	http.ResponseWriter

	code  int // 0: nothing was written yet
	holds bool
	body  bytes.Buffer
}

// Unwrap has http.ResponseController find what is beneath.
func (r *refusing) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (r *refusing) WriteHeader(code int) {
	if r.code != 0 || code < http.StatusOK {
		r.ResponseWriter.WriteHeader(code)
		return
	}
	r.code = code
	r.holds = code >= http.StatusBadRequest && strings.HasPrefix(r.Header().Get("Content-Type"), "application/json")
	if !r.holds {
		r.ResponseWriter.WriteHeader(code)
	}
}

// Write implements http.ResponseWriter.
func (r *refusing) Write(b []byte) (int, error) {
	if r.code == 0 {
		r.WriteHeader(http.StatusOK)
	}
	if r.holds {
		return r.body.Write(b)
	}
	return r.ResponseWriter.Write(b)
}
