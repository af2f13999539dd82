package web

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth"
)

const (
	// pushEvery is how often is looked what is new. Who sees all homes is told each time, as a
	// heartbeat as well, even when nothing changed.
	pushEvery = 250 * time.Millisecond
	// slowly is at each how many-th time everybody else is told.
	slowly = 4
)

// client is one WebSocket. Of each of its streams it has the latest message alone; where it
// missed one before that, it is sent the whole state.
type client struct {
	sight  sight
	who    auth.Principal
	latest [2]atomic.Pointer[frame] // by stream
	again  atomic.Bool              // the whole state is to be sent
	pong   atomic.Bool              // so is the answer to a ping
	doubt  atomic.Bool              // whether it still may look is to be checked
	wake   chan struct{}            // of one place: there is something to do
	gone   chan struct{}            // closed: it is not wanted any more
}

func newClient(s sight, who auth.Principal) *client {
	c := &client{sight: s, who: who, wake: make(chan struct{}, 1), gone: make(chan struct{})}
	c.again.Store(true) // first of all
	c.stir()
	return c
}

// stir has the client's writer look.
func (c *client) stir() {
	select {
	case c.wake <- struct{}{}:
	default: // it will
	}
}

// frame is a message that many are sent. Numbers are those of LiveMessage.
type frame struct {
	seq, after uint64
	message    *websocket.PreparedMessage
}

// stream is what some clients are told alike.
type stream struct {
	extent extent
	home   string // of ownHome
}

// streams are what is told to a sight.
func (s sight) streams() []stream {
	switch s.extent {
	case ownHome:
		return []stream{{extent: communityIs}, {extent: ownHome, home: s.home}}
	case communityIs, allDevices, allHomes:
	}
	return []stream{{extent: s.extent}}
}

// audience are those who are told a stream.
type audience struct {
	listeners map[*client]int // by the place of the stream among the client's
	cut       uint64          // up to where it was told what changed
	last      uint64          // number of the last frame
}

// sockets are the pages that watch. It is safe for concurrent use. Its lock is taken before
// that of the dashboard.
type sockets struct {
	mu        sync.Mutex
	clients   map[*client]struct{}
	audiences map[stream]*audience
	seq       uint64            // of the last push
	wholes    map[sight]*whole  // since the last push
	status    *api.Status       // of the last push
	closed    bool              // nobody is told any more
	places    map[string]uint64 // of homes with an audience, so that not all are told at once
}

// whole is the state as a sight sees it, with the number of the push after which it was made.
type whole struct {
	seq  uint64
	make func() (*websocket.PreparedMessage, error)
}

func newSockets() sockets {
	return sockets{clients: map[*client]struct{}{}, audiences: map[stream]*audience{}, wholes: map[sight]*whole{}, places: map[string]uint64{}}
}

// run pushes what is new until ctx ends, then closes all sockets.
func (s *sockets) run(ctx context.Context, live *Live) error {
	ticker := time.NewTicker(pushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			s.close()
			return nil
		case <-ticker.C:
			if err := s.push(live, live.status.soon(ctx)); err != nil {
				return err
			}
		}
	}
}

func (s *sockets) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.clients {
		s.drop(c)
	}
}

// push tells all audiences what is new for them.
func (s *sockets) push(live *Live, status api.Status) error {
	live.follow(status)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	s.status = &status
	clear(s.wholes)
	for of, a := range s.audiences {
		if !s.due(of) {
			continue
		}
		f, err := s.next(live, of, a, status)
		if err != nil {
			return err
		}
		if f == nil {
			continue
		}
		a.last = f.seq
		for c, place := range a.listeners {
			c.latest[place].Store(f)
			c.stir()
		}
	}
	return nil
}

// due tells whether a stream is told at this push.
func (s *sockets) due(of stream) bool {
	return of.extent == allHomes || (s.seq+s.places[of.home])%slowly == 0
}

// next returns the next frame of an audience, nil when there is nothing to tell.
func (s *sockets) next(live *Live, of stream, a *audience, status api.Status) (*frame, error) {
	m := api.LiveMessage{Seq: int64(s.seq), After: int64(a.last)}
	switch of.extent {
	case allHomes, allDevices:
		var d api.Delta
		d, a.cut = live.delta(sight{extent: of.extent}, a.cut, status)
		m.Type, m.Delta = api.LiveMessageTypeDelta, &d
	case communityIs:
		var news api.CommunityNews
		news, a.cut = live.news(a.cut, status)
		m.Type, m.Community = api.LiveMessageTypeCommunity, &news
	case ownHome:
		if m.Home, a.cut = live.newsOf(of.home, a.cut); m.Home == nil {
			return nil, nil //nolint:nilnil // nothing is news
		}
		m.Type = api.LiveMessageTypeHome
	}
	message, err := prepare(m)
	return &frame{seq: s.seq, after: a.last, message: message}, err
}

// join registers a client; false when nobody is told any more.
func (s *sockets) join(c *client, live *Live) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.clients[c] = struct{}{}
	for place, of := range c.sight.streams() {
		a := s.audiences[of]
		if a == nil {
			a = &audience{listeners: map[*client]int{}, cut: live.now(), last: s.seq}
			s.audiences[of] = a
			clear(s.wholes) // made before the audience began, they may lack what it is not told
			if of.home != "" {
				s.places[of.home] = uint64(len(s.places))
			}
		}
		a.listeners[c] = place
	}
	return true
}

// state returns the whole state as a sight sees it, with the number up to which it has what was
// pushed. It is made once between two pushes.
func (s *sockets) state(ctx context.Context, live *Live, of sight) (seq uint64, message *websocket.PreparedMessage, err error) {
	s.mu.Lock()
	w, status := s.wholes[of], s.status
	if w == nil {
		seq := s.seq // before the state is looked at, which may have more
		w = &whole{seq: seq, make: sync.OnceValues(func() (*websocket.PreparedMessage, error) {
			if status == nil {
				status = new(live.status.soon(ctx))
			}
			state := live.look(of, *status)
			return prepare(api.LiveMessage{Type: api.LiveMessageTypeState, Seq: int64(seq), State: &state})
		})}
		s.wholes[of] = w
	}
	s.mu.Unlock()
	message, err = w.make()
	return w.seq, message, err
}

// doubt has the sockets of an account check whether they may still look; of all, when it is
// empty. Those of keys look as well: the account may have given theirs out.
func (s *sockets) doubt(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		if account == "" || c.who.Account == account || !c.who.Person() {
			c.doubt.Store(true)
			c.stir()
		}
	}
}

func (s *sockets) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.clients)
}

// leave forgets a client.
func (s *sockets) leave(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(c)
}

// drop forgets a client, and ends its writer. s.mu is held.
func (s *sockets) drop(c *client) {
	if _, known := s.clients[c]; !known {
		return
	}
	delete(s.clients, c)
	for _, of := range c.sight.streams() {
		a := s.audiences[of]
		if delete(a.listeners, c); len(a.listeners) == 0 {
			delete(s.audiences, of)
			delete(s.places, of.home)
		}
	}
	close(c.gone)
}

func prepare(m api.LiveMessage) (*websocket.PreparedMessage, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return websocket.NewPreparedMessage(websocket.TextMessage, b)
}
