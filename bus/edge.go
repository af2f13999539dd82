package bus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Leafs lets gateways connect to the embedded server as leaf nodes. Each has an
// account of its own: of the hub it reaches only the subjects that it may publish
// on, as services, and hears nothing but their answers.
type Leafs struct {
	Listen    string // HOST:PORT
	Cert, Key string // PEM files; empty: no TLS, which only loopback may do without
	Users     []Leaf
}

// Leaf is a gateway that may connect.
type Leaf struct {
	Name, Password string
	Publish        []string // subjects
}

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
		o.Users = append(o.Users, &server.User{Username: u.Name, Password: u.Password, Account: account})
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

// isolate opens to every gateway's account what it may publish on. The hub's own
// streams are in the global account.
func (l *Leafs) isolate(s *server.Server) error {
	hub := s.GlobalAccount()
	tasks := make(chan func())
	defer close(tasks)
	go func() {
		for task := range tasks {
			task()
		}
	}()
	if err := hub.EnableJetStream(nil, tasks); err != nil {
		return err
	}
	for _, u := range l.Users {
		account, err := s.LookupAccount(u.Name)
		if err != nil {
			return err
		}
		for _, subject := range u.Publish {
			if err := errors.Join(hub.AddServiceExport(subject, nil), account.AddServiceImport(hub, subject, subject)); err != nil {
				return fmt.Errorf("gateway %s: %s: %w", u.Name, subject, err)
			}
		}
	}
	return nil
}

const (
	leafTLSTimeout = 5 // s
	edgeStream     = "EDGE"
	edgePrefix     = "edge."
	forwardAtOnce  = 64
	forwardWithin  = 5 * time.Second
	leafReconnect  = time.Second
	connectWithin  = 3 * time.Second // after the start nobody is told that the hub is away
)

// EdgeConfig describes the bus of a gateway.
type EdgeConfig struct {
	Dir            string // its own disk
	Hub            string // nats-leaf://HOST:PORT or tls://HOST:PORT
	Name, Password string
	CA             string // PEM file that the hub's certificate is checked against; empty: the system's
	MaxBytes       int64  // that wait for the hub at most
	DropOldest     bool   // when that is full; else what is new is refused
}

// Edge is a gateway's bus: what is published is durable on its own disk first,
// and goes to the hub in order, as soon as and whenever it can be reached. It is
// safe for concurrent use.
type Edge struct {
	*Bus

	said      *lastError
	edge      jetstream.Stream // Forward's
	most      int64
	confirmed atomic.Uint64 // the last message that the hub has, by its place in the stream
	lost      atomic.Uint64 // messages that were dropped before the hub had them
}

// OpenEdge starts the server of a gateway. The hub need not be there. The caller
// must Close the edge.
func OpenEdge(ctx context.Context, c EdgeConfig) (*Edge, error) {
	remote, err := c.remote()
	if err != nil {
		return nil, fmt.Errorf("open edge: %w", err)
	}
	said := &lastError{}
	b := &Bus{log: said}
	o := &server.Options{
		ServerName: "commonwatt-" + c.Name, JetStreamDomain: c.Name, DontListen: true, JetStream: true, StoreDir: c.Dir, SyncAlways: true, NoSigs: true, NoLog: true,
	}
	o.LeafNode.ReconnectInterval = leafReconnect
	o.LeafNode.Remotes = []*server.RemoteLeafOpts{remote}
	if err := b.start(o); err != nil {
		b.Close()
		return nil, fmt.Errorf("open edge: %w", err)
	}
	if b.stream, err = jetstream.New(b.conn); err != nil {
		b.Close()
		return nil, fmt.Errorf("open edge: %w", err)
	}
	discard := jetstream.DiscardNew
	if c.DropOldest {
		discard = jetstream.DiscardOld
	}
	stream, err := b.stream.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: edgeStream, Subjects: []string{edgePrefix + ">"}, MaxBytes: c.MaxBytes, Discard: discard,
	})
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("open edge: %w", err)
	}
	info, err := stream.Info(ctx)
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("open edge: %w", err)
	}
	// The first that is kept may have been confirmed before: the hub knows it then.
	e := &Edge{Bus: b, said: said, edge: stream, most: c.MaxBytes}
	e.confirmed.Store(max(info.State.FirstSeq, 1) - 1)
	return e, nil
}

func (c EdgeConfig) remote() (*server.RemoteLeafOpts, error) {
	u, err := url.Parse(c.Hub)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("hub: %q is not nats-leaf://HOST:PORT or tls://HOST:PORT", c.Hub)
	}
	u.User = url.UserPassword(c.Name, c.Password)
	r := &server.RemoteLeafOpts{URLs: []*url.URL{u}}
	if u.Scheme != "tls" {
		return r, nil
	}
	r.TLS, r.TLSConfig, r.TLSTimeout = true, &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}, leafTLSTimeout
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		r.TLSConfig.RootCAs = x509.NewCertPool()
		if !r.TLSConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: %s holds no certificate", c.CA)
		}
	}
	return r, nil
}

// ErrFull reports that the disk of a gateway holds as much as it may.
var ErrFull = errors.New("the gateway's store is full")

// Publish stores a message for the hub and returns when it is durable here.
// Errors: ErrFull when new messages are refused.
func (e *Edge) Publish(ctx context.Context, subject, id string, data []byte) error {
	err := e.Bus.Publish(ctx, edgePrefix+subject, id, data)
	if refused := (*jetstream.APIError)(nil); errors.As(err, &refused) && strings.Contains(refused.Description, "maximum") {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// LastStored returns the last message that was published on a subject, which may
// have wildcards, nil when none is kept.
func (e *Edge) LastStored(ctx context.Context, subject string) ([]byte, error) {
	return e.Last(ctx, edgeStream, edgePrefix+subject)
}

// DropOthers drops what is stored on subjects that do not begin as given, and
// returns how many messages that were. It is called before Forward.
func (e *Edge) DropOthers(ctx context.Context, prefix string) (dropped uint64, err error) {
	info, err := e.edge.Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil {
		return 0, fmt.Errorf("stored messages: %w", err)
	}
	for subject, n := range info.State.Subjects {
		if strings.HasPrefix(subject, edgePrefix+prefix) {
			continue
		}
		if err := e.edge.Purge(ctx, jetstream.WithPurgeSubject(subject)); err != nil {
			return dropped, fmt.Errorf("drop messages of %s: %w", subject, err)
		}
		dropped += n
	}
	if info, err = e.edge.Info(ctx); err != nil {
		return dropped, fmt.Errorf("stored messages: %w", err)
	}
	e.confirmed.Store(max(e.confirmed.Load(), max(info.State.FirstSeq, 1)-1)) // what was dropped here is not lost to the hub
	return dropped, nil
}

// Forward sends what is stored to the hub until ctx ends, oldest first. A message
// is done with, and removed, when the hub has it on its disk; only the last one
// stays. After a crash some are sent again, which the hub recognizes. waits is told
// why the hub takes nothing, again when the reason changes, and that it does again
// (nil).
func (e *Edge) Forward(ctx context.Context, waits func(error)) error {
	away, began := "", time.Now()
	for ctx.Err() == nil {
		sent, err := e.forwardSome(ctx)
		why := ""
		if err != nil {
			why = err.Error()
		}
		if starting := err != nil && time.Since(began) < connectWithin; why != away && !starting && ctx.Err() == nil {
			away = why
			waits(err)
		}
		switch {
		case err != nil:
			pause(ctx, retryAfter)
		case sent == 0:
			pause(ctx, fetchWait/2)
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// forwardSome sends the next messages, and removes those that the hub confirmed.
func (e *Edge) forwardSome(ctx context.Context) (sent int, err error) {
	messages, err := e.next(ctx)
	if err != nil || len(messages) == 0 {
		return 0, err
	}
	done, err := e.send(ctx, messages)
	if done == 0 {
		return 0, err
	}
	last := messages[done-1].Sequence
	e.confirmed.Store(last)
	return done, errors.Join(err, e.edge.Purge(context.WithoutCancel(ctx), jetstream.WithPurgeSequence(last)))
}

// next returns the oldest messages that are not confirmed. Those that were dropped
// in front of them are counted.
func (e *Edge) next(ctx context.Context) (messages []*jetstream.RawStreamMsg, err error) {
	info, err := e.edge.Info(ctx)
	if err != nil {
		return nil, err
	}
	confirmed := e.confirmed.Load()
	if first := info.State.FirstSeq; info.State.Msgs > 0 && first > confirmed+1 {
		e.lost.Add(first - 1 - confirmed)
		e.confirmed.Store(first - 1)
		confirmed = first - 1
	}
	for seq := confirmed + 1; seq <= info.State.LastSeq && len(messages) < forwardAtOnce; seq++ {
		m, err := e.edge.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			if info, err = e.edge.Info(ctx); err != nil || seq < info.State.FirstSeq {
				return messages, err // dropped meanwhile: counted the next time
			}
			continue // dropped by DropOthers
		}
		if err != nil {
			return messages, err
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// send publishes messages at the hub, several on their way at once, and returns
// how many of the first it confirmed.
func (e *Edge) send(ctx context.Context, messages []*jetstream.RawStreamMsg) (confirmed int, err error) {
	ctx, cancel := context.WithTimeout(ctx, forwardWithin)
	defer cancel()
	answers := make([]chan *nats.Msg, len(messages))
	for i, m := range messages {
		answers[i] = make(chan *nats.Msg, 1)
		inbox := e.conn.NewInbox()
		sub, err := e.conn.ChanSubscribe(inbox, answers[i])
		if err != nil {
			return 0, err
		}
		defer sub.Unsubscribe() //nolint:errcheck // it ends with the connection otherwise
		out := nats.NewMsg(strings.TrimPrefix(m.Subject, edgePrefix))
		out.Data, out.Reply = m.Data, inbox
		out.Header.Set(nats.MsgIdHdr, m.Header.Get(nats.MsgIdHdr))
		if err := e.conn.PublishMsg(out); err != nil {
			return 0, err
		}
	}
	for i := range messages {
		select {
		case <-ctx.Done():
			return i, errors.New("the hub does not answer")
		case a := <-answers[i]:
			if err := e.confirmation(a, strings.TrimPrefix(messages[i].Subject, edgePrefix)); err != nil {
				return i, err
			}
		}
	}
	return len(messages), nil
}

// confirmation reads the hub's answer to a message on a subject.
func (e *Edge) confirmation(a *nats.Msg, subject string) error {
	switch {
	case a.Header.Get("Status") != "503":
	case e.server.NumLeafNodes() > 0:
		return fmt.Errorf("the hub is connected, but takes nothing on %s: is the community's name right, and are this gateway's devices in the hub's configuration?", subject)
	default:
		return fmt.Errorf("the hub is not connected: %s", e.said.why())
	}
	text := string(a.Data)
	if strings.Contains(text, `"error"`) {
		return fmt.Errorf("the hub refuses: %s", text)
	}
	if !strings.Contains(text, `"seq"`) {
		return fmt.Errorf("the hub answers %q", text)
	}
	return nil
}

// Backlog is what waits for the hub.
type Backlog struct {
	Messages uint64
	Bytes    uint64
	Share    float64 // of what may wait
	Lost     uint64  // messages that were dropped before the hub had them
}

// Backlog returns what waits for the hub.
func (e *Edge) Backlog(ctx context.Context) (Backlog, error) {
	stream, err := e.stream.Stream(ctx, edgeStream) // a handle is not safe for concurrent use, and Forward has the other
	if err != nil {
		return Backlog{}, fmt.Errorf("backlog: %w", err)
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return Backlog{}, fmt.Errorf("backlog: %w", err)
	}
	confirmed := e.confirmed.Load()
	b := Backlog{Lost: e.lost.Load()}
	if first := info.State.FirstSeq; info.State.Msgs > 0 && first > confirmed+1 {
		b.Lost += first - 1 - confirmed
		confirmed = first - 1
	}
	b.Messages = info.State.LastSeq - min(confirmed, info.State.LastSeq)
	if b.Messages > 0 {
		b.Bytes = info.State.Bytes
	}
	if e.most > 0 {
		b.Share = float64(b.Bytes) / float64(e.most)
	}
	return b, nil
}

// lastError is the logger of a gateway's server. It keeps the last error, which
// tells why the hub is not connected.
type lastError struct{ text atomic.Pointer[string] }

// Errorf implements server.Logger.
func (l *lastError) Errorf(format string, v ...any) { l.text.Store(new(fmt.Sprintf(format, v...))) }

// Fatalf implements server.Logger.
func (l *lastError) Fatalf(format string, v ...any) { l.Errorf(format, v...) }

// Noticef implements server.Logger.
func (*lastError) Noticef(string, ...any) {}

// Warnf implements server.Logger.
func (*lastError) Warnf(string, ...any) {}

// Debugf implements server.Logger.
func (*lastError) Debugf(string, ...any) {}

// Tracef implements server.Logger.
func (*lastError) Tracef(string, ...any) {}

// why tells it in the operator's terms.
func (l *lastError) why() string {
	last := l.text.Load()
	switch {
	case last == nil:
		return "it has not answered yet"
	case strings.Contains(*last, "Authorization Violation"):
		return "it refuses this gateway's id or password: compare the id with gateways in the hub's configuration, and the two password files"
	case strings.Contains(*last, "x509:"):
		return "its certificate is not trusted: give hub.ca the certificate of the authority that signed it (" + (*last)[strings.Index(*last, "x509:"):] + ")"
	default:
		return regexp.MustCompile(` \(attempt \d+\)|^.* - (lid|cid):\d+ - |lid:\d+`).ReplaceAllString(*last, "") // the same error, the same text
	}
}
