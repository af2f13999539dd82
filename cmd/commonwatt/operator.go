package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web/api"
)

// operator says which running community a command is about. The process that runs it does
// what is asked, since it alone writes its data directory.
type operator struct{ data, url, key string }

func (o *operator) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.data, "data", config.Defaults().Data, "data directory of the community that runs on this machine")
	c.Flags().StringVar(&o.url, "url", "", "address of a community elsewhere, such as https://hub.example (with --key)")
	c.Flags().StringVar(&o.key, "key", "", "file with the operator's key (operator.key in its data directory)")
}

// desk is the API of a running community, for its operator.
type desk struct {
	base, key string
	client    *http.Client
}

// dial finds the community.
func (o operator) dial() (*desk, error) {
	if o.url != "" {
		return o.elsewhere()
	}
	door, key, err := hub.FindDoor(o.data)
	if err != nil {
		return nil, err
	}
	if o.key != "" {
		if key, err = hub.ReadKey(o.key); err != nil {
			return nil, err
		}
	}
	d := &desk{door.URL, key, &http.Client{}}
	if door.Certificate != "" {
		d.client.Transport = &http.Transport{TLSClientConfig: pinned(door.Certificate)}
	}
	return d, nil
}

func (o operator) elsewhere() (*desk, error) {
	u, err := url.Parse(o.url)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, usage.Errorf("--url: %q is no address: write it as in https://hub.example", o.url)
	}
	if o.key == "" {
		return nil, usage.Errorf("--key: give the file with the operator's key for --url %s", o.url)
	}
	key, err := hub.ReadKey(o.key)
	return &desk{strings.TrimRight(o.url, "/"), key, &http.Client{}}, err
}

// pinned accepts the one certificate that the community on this machine has noted: it is
// for the names by which others ask, not for loopback.
func pinned(digest string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, //nolint:gosec // what follows is stricter
		VerifyConnection: func(s tls.ConnectionState) error {
			sum := sha256.Sum256(s.PeerCertificates[0].Raw)
			if hex.EncodeToString(sum[:]) != digest {
				return errors.New("another certificate than the community's")
			}
			return nil
		},
	}
}

// get asks for what is at a path, which begins with /api/, and reads the answer's JSON.
func (d *desk) get(ctx context.Context, path string, into any) error {
	return d.ask(ctx, http.MethodGet, path, "", nil, into)
}

// post sends a JSON value, nil for none, and reads the answer's, unless into is nil.
func (d *desk) post(ctx context.Context, path string, v, into any) error {
	if v == nil {
		return d.ask(ctx, http.MethodPost, path, "", nil, into)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return d.ask(ctx, http.MethodPost, path, "application/json", bytes.NewReader(text), into)
}

// ask sends a request and reads the answer's JSON into a value, unless it is nil.
func (d *desk) ask(ctx context.Context, method, path, kind string, body io.Reader, into any) error {
	answer, err := d.open(ctx, method, path, kind, body)
	if err != nil {
		return err
	}
	defer answer.Close() //nolint:errcheck // it was read
	if into == nil {
		_, err = io.Copy(io.Discard, answer)
		return err
	}
	if err := json.NewDecoder(answer).Decode(into); err != nil {
		return fmt.Errorf("%s: the answer of the community is not understood: %w", path, err)
	}
	return nil
}

// open sends a request and returns the answer, which the caller closes: a file, say. What
// the community refuses, and the caller can mend, is an error of usage in its words.
func (d *desk) open(ctx context.Context, method, path, kind string, body io.Reader) (io.ReadCloser, error) {
	if body == nil {
		body = http.NoBody
	}
	r, err := http.NewRequestWithContext(ctx, method, d.base+path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+d.key)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	answer, err := d.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the community at %s does not answer: %w", d.base, errors.Unwrap(err))
	}
	if answer.StatusCode < http.StatusBadRequest {
		return answer.Body, nil
	}
	defer answer.Body.Close() //nolint:errcheck // it was read
	return nil, refusedBy(d.base, answer)
}

// refusedBy is the error of an answer that is none.
func refusedBy(base string, answer *http.Response) error {
	const longest = 1 << 20
	var why api.Problem
	text, err := io.ReadAll(io.LimitReader(answer.Body, longest))
	if err != nil || json.Unmarshal(text, &why) != nil || why.Error == "" {
		why.Error = strings.TrimSpace(answer.Status + " " + string(text))
	}
	switch code := answer.StatusCode; {
	case code == http.StatusUnauthorized:
		return usage.Errorf("%s: that is not the operator's key: %s", base, why.Error)
	case code == http.StatusForbidden, code == http.StatusMisdirectedRequest:
		return usage.Errorf("%s: %s: give the address that others use with --url, and the key with --key", base, why.Error)
	case code < http.StatusInternalServerError:
		return usage.Errorf("%s", why.Error)
	default:
		return fmt.Errorf("%s: %s", base, why.Error)
	}
}
