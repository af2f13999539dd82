package intake

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/commonwatt/commonwatt/proof"
)

// Receipt answers what a gateway asks of the batches that it sent: the last that was
// accepted, and what became of each. A question that makes no sense gets the last alone.
func (in *Intake) Receipt(ctx context.Context, gateway string, question []byte) []byte {
	q, err := proof.ReadQuestion(question)
	if err != nil {
		in.warn(ctx, "gateway "+gateway+" asks what cannot be answered", err)
	}
	r, err := in.receipt(ctx, gateway, q)
	if err != nil {
		in.warn(ctx, "gateway "+gateway+" is not told what became of its readings", err)
		return nil
	}
	answer, err := json.Marshal(r)
	if err != nil {
		in.Log.ErrorContext(ctx, "receipt", slog.String("error", err.Error()))
	}
	return answer
}

func (in *Intake) receipt(ctx context.Context, gateway string, q proof.Question) (r proof.Receipt, err error) {
	if r.Last.Sequence, r.Last.Digest, err = in.Evidence.Last(ctx, gateway); err != nil {
		return r, err
	}
	r.Verdicts = make([]proof.Verdict, len(q.Batches))
	for k, m := range q.Batches {
		v, err := in.Evidence.Verdict(ctx, gateway, m)
		if err != nil {
			return r, err
		}
		if reason, refused := in.refusals.reason(gateway, m.Digest); refused && (v.Outcome == proof.Unknown || v.Outcome == proof.Aside) {
			v.Reason = reason
			if v.Outcome == proof.Unknown {
				v.Outcome = proof.Refused
			}
		}
		r.Verdicts[k] = v
	}
	return r, nil
}
