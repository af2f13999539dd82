package forecast

// writeMethod appends what a method has learned that its table does not tell.
func writeMethod(w *writer, m method) {
	switch m := m.(type) {
	case *lagged:
		w.rows(m.p.days)
	case *pooled:
		w.rows(m.p.days)
		switch by := m.by.(type) {
		case *regression:
			by.write(w)
		case *smoothing:
			by.write(w)
		}
	case *blended:
		w.number(float64(m.g))
		w.row(m.lost)
		w.row(m.seen)
		for _, part := range m.all() {
			writeMethod(w, part)
		}
	}
}

// readMethod takes the same out again.
func readMethod(r *reader, m method) {
	switch m := m.(type) {
	case *lagged:
		m.p.read(r, m.t.slots)
	case *pooled:
		m.p.read(r, m.t.slots)
		switch by := m.by.(type) {
		case *regression:
			by.read(r)
		case *smoothing:
			by.read(r)
		}
	case *blended:
		m.g = width(r.number())
		m.lost, m.seen = r.of(len(m.lost)), r.of(len(m.seen))
		for _, part := range m.all() {
			readMethod(r, part)
		}
	}
}

func (p *pool) read(r *reader, slots int) {
	for _, day := range r.rows() {
		if len(day) != slots {
			r.fail()
			return
		}
		p.add(day)
	}
}

func (r *regression) write(w *writer) {
	for _, f := range r.fits {
		w.whole(f.rows)
		w.number(f.mean)
		w.row(f.center)
		w.row(f.weight)
	}
}

func (r *regression) read(from *reader) {
	for i := range r.fits {
		f := &r.fits[i]
		f.rows, f.mean, f.center, f.weight = from.whole(), from.number(), from.row(), from.row()
		if f.rows == 0 {
			continue
		}
		if x, _ := r.f.of(nil, r.f.t.end(), i); len(f.weight) != len(f.center) || len(x) > 0 && len(x) != len(f.weight) {
			from.fail()
			return
		}
	}
}

func (s *smoothing) write(w *writer) {
	w.whole(int(s.at))
	w.whole(int(is(s.started)))
	for _, tr := range s.tracks {
		w.row([]float64{tr.level, tr.missed, tr.days})
		w.row(tr.season)
	}
}

func (s *smoothing) read(from *reader) {
	s.at, s.started = from.day(), from.whole() == 1
	for i := range s.tracks {
		v := from.of(3)
		s.tracks[i].level, s.tracks[i].missed, s.tracks[i].days = v[0], v[1], v[2]
		if s.tracks[i].season = from.row(); s.started && len(s.tracks[i].season) != s.t.slots {
			from.fail()
			return
		}
	}
	if s.started && (s.at < s.t.first || s.at > s.t.end()) {
		from.fail()
	}
}
