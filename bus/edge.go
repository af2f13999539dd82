package bus

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	leafTLSTimeout = 5 // s
	edgeStream     = "EDGE"
	edgePrefix     = "edge."
	leafReconnect  = time.Second
	connectWithin  = 3 * time.Second // after the start nobody is told that the hub is away
)

// EdgeConfig describes the bus of a gateway.
type EdgeConfig struct {
	Dir            string // its own disk
	Hub            string // nats-leaf://HOST:PORT or tls://HOST:PORT
	Name, Password string
	CA             string       // PEM file that the hub's certificate is checked against; empty: the system's
	MaxBytes       int64        // that wait for the hub at most
	DropOldest     bool         // when that is full; else what is new is refused
	Room           func() error // as of Config
	// Decided tells what became at the hub of messages that its bus has, the oldest first:
	// of how many of the first is decided. Until then they are kept here, and after a while
	// sent again. Nil: that the hub's bus has them is enough.
	Decided func(ctx context.Context, messages [][]byte) (decided int, err error)
}

// Edge is a gateway's bus: what is published is durable on its own disk first,
// and goes to the hub in order, as soon as and whenever it can be reached. Its own streams
// are in another account than the link to the hub: who comes over the link reaches none of
// them. It is safe for concurrent use.
type Edge struct {
	*Bus

	link      *nats.Conn // in the account that is linked to the hub
	said      *lastError
	edge      jetstream.Stream // Forward's
	most      int64
	decided   func(ctx context.Context, messages [][]byte) (int, error)
	underWay  []underWay    // Forward's
	sent      atomic.Uint64 // the last message that the hub's bus has, by its place in the stream
	confirmed atomic.Uint64 // the last of which the hub has decided
	lost      atomic.Uint64 // messages that were dropped before the hub's bus had them
}

// linked is the account that is linked to the hub.
const linked = "LINK"

// OpenEdge starts the server of a gateway. The hub need not be there. The caller
// must Close the edge.
func OpenEdge(ctx context.Context, c EdgeConfig) (*Edge, error) {
	remote, err := c.remote()
	if err != nil {
		return nil, fmt.Errorf("open edge: %w", err)
	}
	said := &lastError{}
	b := &Bus{log: said, room: c.Room}
	o := &server.Options{
		ServerName: "commonwatt-" + c.Name, JetStreamDomain: c.Name, DontListen: true, JetStream: true, StoreDir: c.Dir, SyncAlways: true, NoSigs: true, NoLog: true,
	}
	o.LeafNode.ReconnectInterval = leafReconnect
	o.LeafNode.Remotes = []*server.RemoteLeafOpts{remote}
	link := server.NewAccount(linked)
	o.Accounts = []*server.Account{link}
	e := &Edge{Bus: b, said: said, most: c.MaxBytes, decided: c.Decided}
	if err := e.connect(o, link); err != nil {
		e.Close()
		return nil, fmt.Errorf("open edge: %w", err)
	}
	if b.stream, err = jetstream.New(b.conn); err != nil {
		e.Close()
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
		e.Close()
		return nil, fmt.Errorf("open edge: %w", err)
	}
	info, err := stream.Info(ctx)
	if err == nil {
		err = syncFolders(c.Dir)
	}
	if err != nil {
		e.Close()
		return nil, fmt.Errorf("open edge: %w", err)
	}
	// The first that is kept may have been confirmed before: the hub knows it then.
	e.edge = stream
	e.confirmed.Store(max(info.State.FirstSeq, 1) - 1)
	e.sent.Store(e.confirmed.Load())
	return e, nil
}

// connect starts the server and connects to both of its accounts.
func (e *Edge) connect(o *server.Options, link *server.Account) (err error) {
	to := &server.User{Username: linked, Password: rand.Text(), Account: link}
	o.Users = append(o.Users, to)
	if err := e.start(o); err != nil {
		return err
	}
	if err := enableStreams(e.server.GlobalAccount()); err != nil {
		return err
	}
	e.link, err = nats.Connect("", nats.InProcessServer(e.server), nats.Name("commonwatt"), nats.UserInfo(to.Username, to.Password))
	return err
}

// Close disconnects and stops the server, its stream flushed.
func (e *Edge) Close() {
	if e.link != nil {
		e.link.Close()
	}
	e.Bus.Close()
}

// Request asks the hub.
func (e *Edge) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	return request(ctx, e.link, subject, data)
}

func (c EdgeConfig) remote() (*server.RemoteLeafOpts, error) {
	u, err := url.Parse(c.Hub)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("hub: %q is not nats-leaf://HOST:PORT or tls://HOST:PORT", c.Hub)
	}
	u.User = url.UserPassword(c.Name, c.Password)
	r := &server.RemoteLeafOpts{URLs: []*url.URL{u}, LocalAccount: linked}
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
	e.sent.Store(e.confirmed.Load())
	return dropped, nil
}

// Backlog is what waits for the hub.
type Backlog struct {
	Messages uint64
	Bytes    uint64
	Share    float64 // of what may wait
	Lost     uint64  // messages that were dropped before the hub's bus had them
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
		b.Lost += first - 1 - min(max(confirmed, e.sent.Load()), first-1)
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
