package scenarios

import (
	"math"

	"github.com/commonwatt/commonwatt/agent"
)

// ForecastSkill is how well the homes of a replay were forecast by the methods that their agents
// chose: each on the home's own past, a day ahead and by what was known then, as the last fit of
// the replay found it.
type ForecastSkill struct {
	Mean   *Skill       `json:"mean"` // over all series that were tried; null: none was
	Series []HomesSkill `json:"series"`
}

// Skill is in per mille. Below 1000 an error is less than that of taking yesterday's value.
type Skill struct {
	MAE      int64 `json:"r_mae"`     // mean absolute error
	Pinball  int64 `json:"r_pinball"` // pinball loss over the nine deciles
	Coverage int64 `json:"cov80"`     // values that lay between the deciles .1 and .9; 800 is right
}

// HomesSkill is that of one series of a home.
type HomesSkill struct {
	Home   string `json:"home"`
	Series string `json:"series"` // load, pv, or net where both are forecast together
	Method string `json:"method"`
	Days   int    `json:"days"` // on which it was tried; 0: none yet
	Skill
}

// skill asks the agents of a replay how well they forecast.
func (r *replay) skill() (all []HomesSkill) {
	for _, d := range r.recorder.devices {
		if point := d.MeteringPoint; d.ID == r.meters[point] {
			for _, of := range r.desk.Skill(point) {
				all = append(all, chosen(d.Member, of))
			}
		}
	}
	return all
}

// chosen is the skill of the method that forecasts a series.
func chosen(home string, of agent.Skills) HomesSkill {
	s := HomesSkill{Home: home, Series: of.Series, Method: of.Chosen}
	for _, method := range of.Skills {
		if method.Method == of.Chosen {
			s.Days = method.Days
			s.Skill = Skill{MAE: thousandths(method.RMAE), Pinball: thousandths(method.RPinball), Coverage: thousandths(method.Cov80)}
		}
	}
	return s
}

// skilled sums up how well the homes were forecast.
func skilled(series []HomesSkill) ForecastSkill {
	all := ForecastSkill{Series: append([]HomesSkill{}, series...)}
	var sum Skill
	var n int64
	for _, s := range series {
		if s.Days > 0 {
			sum, n = Skill{sum.MAE + s.MAE, sum.Pinball + s.Pinball, sum.Coverage + s.Coverage}, n+1
		}
	}
	if n > 0 {
		mean := func(sum int64) int64 { return (sum + n/2) / n } //nolint:mnd // rounded
		all.Mean = &Skill{mean(sum.MAE), mean(sum.Pinball), mean(sum.Coverage)}
	}
	return all
}

// thousandths rounds a ratio to per mille.
func thousandths(ratio float64) int64 { return int64(math.Round(ratio * 1000)) } //nolint:mnd // per mille
