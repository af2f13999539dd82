package plan

// A price counts for as much as there is at it. A battery follows what the meter shows in the interval itself, and
// those of the neighbours too; a car takes for a quarter of an hour what it was told. So what a car takes
// beyond the room that a scenario has at its price is reckoned by what that costs.

// roomFor returns the room at a place for a store, and how much dearer it is beyond, millionths a Wh.
func (w *world) roomFor(st *store, k int) (room, over float64) {
	if !st.crowds {
		return 0, 0
	}
	return w.room[k], w.over[k]
}

// meanRoom is roomFor of a step over all scenarios.
func (w *world) meanRoom(st *store, t int) (room, over float64) {
	for s := range w.scenarios {
		r, o := w.roomFor(st, s*w.steps+t)
		room, over = room+w.weight[s]*r, over+w.weight[s]*o
	}
	return room, over
}

// crowd notes up to which charge a rule charges beyond its room.
func (st *store) crowd(r *rule, into float64) {
	if r.over > 0 {
		r.crowded = st.level(r.next, (r.buy+r.over)/into-max(soon, st.waits))
	}
}

// within keeps a charge that a rule aims at within its room, but for what is worth more.
func (r *rule) within(m *moment, to float64) float64 {
	if r.over <= 0 {
		return to
	}
	return min(to, max(m.base+r.room*m.into, r.crowded))
}
