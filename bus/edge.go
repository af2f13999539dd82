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
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Leafs lets gateways connect to the embedded server as leaf nodes. Each may
// publish on its own subjects and hears nothing but answers.
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
		o.Users = append(o.Users, &server.User{
			Username: u.Name, Password: u.Password,
			Permissions: &server.Permissions{
				Publish:   &server.SubjectPermission{Allow: u.Publish},
				Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
			},
		})
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

const (
	leafTLSTimeout = 5 // s
	edgeStream     = "EDGE"
	edgePrefix     = "edge."
	forwarder      = "forward"
	forwardAtOnce  = 64
	forwardWithin  = 5 * time.Second
	leafReconnect  = time.Second
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

	most int64
}

// OpenEdge starts the server of a gateway. The hub need not be there. The caller
// must Close the edge.
func OpenEdge(ctx context.Context, c EdgeConfig) (*Edge, error) {
	remote, err := c.remote()
	if err != nil {
		return nil, fmt.Errorf("open edge: %w", err)
	}
	b := &Bus{}
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
	if _, err := b.stream.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: edgeStream, Subjects: []string{edgePrefix + ">"}, MaxBytes: c.MaxBytes, Discard: discard, Retention: jetstream.LimitsPolicy,
	}); err != nil {
		b.Close()
		return nil, fmt.Errorf("open edge: %w", err)
	}
	return &Edge{Bus: b, most: c.MaxBytes}, nil
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

// Forward sends what is stored to the hub until ctx ends, oldest first. A message
// is done with when the hub has it on its disk. waits is told when the hub cannot
// be reached, and that it can again (nil).
func (e *Edge) Forward(ctx context.Context, waits func(error)) error {
	consumer, err := e.stream.CreateOrUpdateConsumer(ctx, edgeStream, jetstream.ConsumerConfig{
		Durable: forwarder, AckPolicy: jetstream.AckAllPolicy, AckWait: 2 * forwardWithin, MaxAckPending: forwardAtOnce,
	})
	if err != nil {
		return fmt.Errorf("forward: %w", err)
	}
	away := false
	for ctx.Err() == nil {
		err := e.forwardSome(ctx, consumer)
		if (err != nil) != away && ctx.Err() == nil {
			away = err != nil
			waits(err)
		}
		if err != nil {
			pause(ctx, retryAfter)
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

// forwardSome sends one batch. After an error all that the hub did not confirm
// come again, in their order.
func (e *Edge) forwardSome(ctx context.Context, consumer jetstream.Consumer) error {
	batch, err := consumer.Fetch(forwardAtOnce, jetstream.FetchMaxWait(fetchWait))
	if err != nil {
		return err
	}
	var messages []jetstream.Msg
	for m := range batch.Messages() {
		messages = append(messages, m)
	}
	if len(messages) == 0 {
		return batch.Error()
	}
	done, err := e.send(ctx, messages)
	if done > 0 {
		err = errors.Join(err, messages[done-1].DoubleAck(context.WithoutCancel(ctx)))
	}
	for _, m := range messages[done:] {
		err = errors.Join(err, m.NakWithDelay(retryAfter))
	}
	return err
}

// send publishes messages at the hub, several on their way at once, and returns
// how many of the first it confirmed.
func (e *Edge) send(ctx context.Context, messages []jetstream.Msg) (confirmed int, err error) {
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
		out := nats.NewMsg(strings.TrimPrefix(m.Subject(), edgePrefix))
		out.Data, out.Reply = m.Data(), inbox
		out.Header.Set(nats.MsgIdHdr, m.Headers().Get(nats.MsgIdHdr))
		if err := e.conn.PublishMsg(out); err != nil {
			return 0, err
		}
	}
	for i := range messages {
		select {
		case <-ctx.Done():
			return i, errors.New("the hub does not answer")
		case a := <-answers[i]:
			if err := confirmation(a); err != nil {
				return i, err
			}
		}
	}
	return len(messages), nil
}

// confirmation reads the hub's answer to a message.
func confirmation(a *nats.Msg) error {
	if a.Header.Get("Status") == "503" {
		return errors.New("the hub is not connected")
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
	s, err := e.stream.Stream(ctx, edgeStream)
	if err != nil {
		return Backlog{}, fmt.Errorf("backlog: %w", err)
	}
	info, err := s.Info(ctx)
	if err != nil {
		return Backlog{}, fmt.Errorf("backlog: %w", err)
	}
	consumer, err := s.Consumer(ctx, forwarder)
	if err != nil {
		return Backlog{}, fmt.Errorf("backlog: %w", err)
	}
	at, err := consumer.Info(ctx)
	if err != nil {
		return Backlog{}, fmt.Errorf("backlog: %w", err)
	}
	sent := at.AckFloor.Stream
	b := Backlog{Messages: info.State.LastSeq - max(sent, info.State.FirstSeq-1), Bytes: info.State.Bytes}
	if e.most > 0 {
		b.Share = float64(b.Bytes) / float64(e.most)
	}
	if info.State.FirstSeq > sent+1 {
		b.Lost = info.State.FirstSeq - 1 - sent
	}
	return b, nil
}
