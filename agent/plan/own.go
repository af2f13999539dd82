package plan

// Batteries and cars are planned by what a kWh is worth to all, of which others may gain more than the home does. Heat
// is planned by what the home itself pays: what a warmer house or tank loses is lost to the home alone.

// takeOwn takes over the own prices of the scenarios; where one has none they are those for all.
func (w *world) takeOwn(in *Input) {
	w.ownBuy, w.ownSell = w.ownBuy[:0], w.ownSell[:0]
	if in.Scenarios[0].OwnBuy == nil {
		return
	}
	const perKWh = 1000
	for s := range in.Scenarios {
		x := &in.Scenarios[s]
		for t := range w.steps {
			k := s*w.steps + t
			buy, sell := w.buy[k], w.sell[k]
			if x.OwnBuy != nil {
				buy, sell = x.OwnBuy[t]/perKWh, x.OwnSell[t]/perKWh
			}
			if in.Limits.ZeroExport {
				sell = 0 // the sun is curtailed
			}
			w.ownBuy, w.ownSell = append(w.ownBuy, buy), append(w.ownSell, sell)
		}
	}
}

// pricesFor returns what a store is planned by at a place, millionths a Wh.
func (w *world) pricesFor(st *store, k int) (buy, sell float64) {
	if st.own && len(w.ownBuy) > 0 {
		return w.ownBuy[k], w.ownSell[k]
	}
	return w.buy[k], w.sell[k]
}

// meanPrices is pricesFor of a step over all scenarios; where the store has no prices of its own it returns those given.
func (w *world) meanPrices(st *store, t int, buy, sell float64) (meanBuy, meanSell float64) {
	if !st.own || len(w.ownBuy) == 0 {
		return buy, sell
	}
	for s := range w.scenarios {
		k := s*w.steps + t
		meanBuy, meanSell = meanBuy+w.weight[s]*w.ownBuy[k], meanSell+w.weight[s]*w.ownSell[k]
	}
	return meanBuy, meanSell
}
