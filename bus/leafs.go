package bus

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/time/rate"
)

// Leafs lets gateways connect to the embedded server as leaf nodes. Each has an account of
// its own, and may send there what is listed for it and nothing else: of the hub it hears
// nothing but answers, and another gateway's leaf, or another leaf with the same password,
// neither.
type Leafs struct {
	Listen    string // HOST:PORT
	Cert, Key string // PEM files; empty: no TLS, which only loopback may do without
	Users     []Leaf
}

// Leaf is a gateway that may connect.
type Leaf struct {
	Name, Password string
	Store          []string // subjects, with wildcards of one token, whose messages are stored
	Ask            []string // subjects on which it may ask somebody (Serve)
	Quota          int64    // bytes a minute that it may have stored; 0: defaultQuota
}

// defaultQuota is what a gateway may have stored in a minute, in bytes: hundreds of times
// what the devices of a home say, so that a day's readings that waited are through within
// minutes.
const defaultQuota = 16 << 20

// arriving is put before what a gateway wants to be stored, until it was looked at.
const arriving = "arriving."

func (l *Leafs) options(o *server.Options) error {
	host, port, err := net.SplitHostPort(l.Listen)
	if err != nil {
		return fmt.Errorf("leaf nodes: %w", err)
	}
	o.LeafNode.Host = host
	if o.LeafNode.Port, err = strconv.Atoi(port); err != nil {
		return fmt.Errorf("leaf nodes: port %q: %w", port, err)
	}
	for _, u := range l.Users {
		account := server.NewAccount(u.Name)
		o.Accounts = append(o.Accounts, account)
		o.Users = append(o.Users, &server.User{Username: u.Name, Password: u.Password, Account: account, Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: append(append([]string{}, u.Store...), u.Ask...)},
			Subscribe: &server.SubjectPermission{Allow: []string{answers}},
		}})
	}
	if l.Cert != "" {
		cert, err := tls.LoadX509KeyPair(l.Cert, l.Key)
		if err != nil {
			return fmt.Errorf("leaf nodes: %w", err)
		}
		o.LeafNode.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
		o.LeafNode.TLSTimeout = leafTLSTimeout
	}
	return nil
}

// answers are where a gateway hears what it is answered.
const answers = "_INBOX.>"

// isolate opens to every gateway's account what it may send. The hub's own streams are in
// the global account.
func (l *Leafs) isolate(s *server.Server) error {
	hub := s.GlobalAccount()
	if err := enableStreams(hub); err != nil {
		return err
	}
	for _, u := range l.Users {
		account, err := s.LookupAccount(u.Name)
		if err != nil {
			return err
		}
		for _, subject := range u.Ask {
			if err := errors.Join(hub.AddServiceExport(subject, nil), account.AddServiceImport(hub, subject, subject)); err != nil {
				return fmt.Errorf("gateway %s: %s: %w", u.Name, subject, err)
			}
		}
		for _, subject := range u.Store {
			if err := errors.Join(hub.AddServiceExport(arriving+subject, nil), account.AddServiceImport(hub, subject, arriving+subject)); err != nil {
				return fmt.Errorf("gateway %s: %s: %w", u.Name, subject, err)
			}
		}
	}
	return nil
}

// enableStreams gives an account streams: beside other accounts none has them by itself.
func enableStreams(a *server.Account) error {
	tasks := make(chan func())
	defer close(tasks)
	go func() {
		for task := range tasks {
			task()
		}
	}()
	return a.EnableJetStream(nil, tasks)
}

// admit has what arrives from gateways stored, within their quotas.
func (l *Leafs) admit(b *Bus) error {
	hall := &hall{conn: b.conn, room: b.hasRoom, inbox: b.conn.NewInbox(), waiting: map[string]waiting{}}
	if _, err := b.conn.Subscribe(hall.inbox+".*", hall.answer); err != nil {
		return fmt.Errorf("answers to gateways: %w", err)
	}
	for _, u := range l.Users {
		quota := u.Quota
		if quota == 0 {
			quota = defaultQuota
		}
		door := &door{name: u.Name, hall: hall, quota: quota, left: rate.NewLimiter(rate.Limit(quota)/60, int(quota))}
		for _, subject := range u.Store {
			if _, err := b.conn.Subscribe(arriving+subject, door.pass); err != nil {
				return fmt.Errorf("gateway %s: %s: %w", u.Name, subject, err)
			}
		}
	}
	return nil
}

// hall is where messages of gateways wait until their stream has answered. It is safe for
// concurrent use.
type hall struct {
	conn  *nats.Conn
	room  func() error
	inbox string // where the streams answer, with a number behind it

	mu      sync.Mutex // guards what follows
	last    uint64
	waiting map[string]waiting // by where its answer comes
}

// waiting is a message whose gateway is to be answered.
type waiting struct {
	from  *nats.Msg
	since time.Time
}

// Bounds of what waits for an answer. What is not answered the gateway sends again.
const (
	mostWaiting = 4096
	longestWait = 10 * time.Second
	tooMuch     = 429 // as HTTP says it
)

// enter notes a message, and returns where its answer is to come; false when too many wait.
func (h *hall) enter(m *nats.Msg) (reply string, ok bool) {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.waiting) >= mostWaiting {
		maps.DeleteFunc(h.waiting, func(_ string, w waiting) bool { return now.Sub(w.since) > longestWait })
	}
	if len(h.waiting) >= mostWaiting {
		return "", false
	}
	h.last++
	reply = fmt.Sprintf("%s.%d", h.inbox, h.last)
	h.waiting[reply] = waiting{m, now}
	return reply, true
}

// answer passes on to a gateway what the stream answered.
func (h *hall) answer(m *nats.Msg) {
	h.mu.Lock()
	w, known := h.waiting[m.Subject]
	delete(h.waiting, m.Subject)
	h.mu.Unlock()
	if known {
		_ = w.from.Respond(m.Data) // a gateway that is gone sends it again
	}
}

// door is where the messages of one gateway come in.
type door struct {
	name  string
	hall  *hall
	quota int64
	left  *rate.Limiter // bytes
}

// longestID bounds the id of a message.
const longestID = 256

// pass hands a message on to its stream, whose answer the gateway gets. Of its headers only
// the id is taken, and made the gateway's own: others would tell the stream what to do.
func (d *door) pass(m *nats.Msg) {
	id := m.Header.Get(nats.MsgIdHdr)
	if err := d.hall.room(); err != nil {
		d.refuse(m, err.Error())
		return
	}
	switch {
	case len(m.Data) > mostMessage/2 || len(id) > longestID:
		d.refuse(m, fmt.Sprintf("a message of %d bytes is too long: at most %d", len(m.Data), mostMessage/2))
		return
	case !d.left.AllowN(time.Now(), len(m.Data)+len(m.Subject)+len(id)):
		d.refuse(m, fmt.Sprintf("this gateway sends more than its quota of %d bytes a minute: it has to wait", d.quota))
		return
	}
	reply, ok := d.hall.enter(m)
	if !ok {
		d.refuse(m, "too many readings wait to be stored: try again")
		return
	}
	out := nats.NewMsg(strings.TrimPrefix(m.Subject, arriving))
	out.Reply, out.Data = reply, m.Data
	if id != "" {
		out.Header.Set(nats.MsgIdHdr, d.name+"/"+id)
	}
	_ = d.hall.conn.PublishMsg(out) // the gateway hears no answer then, and sends it again
}

// refuse answers as a stream does that refuses.
func (d *door) refuse(m *nats.Msg, why string) {
	answer, err := json.Marshal(map[string]any{"error": jetstream.APIError{Code: tooMuch, Description: why}})
	if err == nil {
		_ = m.Respond(answer)
	}
}
