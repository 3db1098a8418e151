package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/spf13/cobra"
)

// client speaks to a server's HTTP API.
type client struct {
	server *url.URL
	token  string
	http   *http.Client
	tls    *tls.Config // nil if what the machine trusts is trusted
}

// clientFlags are the flags of every command that is a client.
type clientFlags struct{ server, token, data, config string }

func (f *clientFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.server, "server", os.Getenv("TAGTAIL_SERVER"), "`URL` of the server's page")
	flags.StringVar(&f.token, "token", "", "API `token`; better set TAGTAIL_TOKEN, which no process list shows")
	flags.StringVar(&f.data, "data", "", "data `folder` of a server on this machine, to find it by (default tagtail-data)")
	flags.StringVar(&f.config, "config", "", "configuration `file` of a server on this machine, to find it by")
}

// connect finds the server: the flags, then the environment, then the data
// folder of a server on this machine.
func (f *clientFlags) connect(cmd *cobra.Command) (*client, error) {
	server, token, trust := f.server, f.token, ""
	if token == "" {
		token = os.Getenv("TAGTAIL_TOKEN")
	}
	if server == "" || token == "" {
		cfg, err := loadConfig(cmd.Flags(), os.LookupEnv)
		if err != nil {
			return nil, usagef(cmd, "%w", err)
		}
		local, err := readEndpoint(cfg.Data)
		switch {
		case server != "":
		case errors.Is(err, os.ErrNotExist):
			return nil, fmt.Errorf("no server runs on the folder %s: start one with tagtail serve, name its folder with --data, "+
				"or name a server with --server and TAGTAIL_TOKEN", cfg.Data)
		case err != nil:
			return nil, fmt.Errorf("find the server: %w", err)
		default:
			server = local.Server
		}
		// The local token is only ever shown to the server it is for.
		if strings.TrimSuffix(server, "/") == local.Server {
			trust = local.Cert
			if token == "" {
				token = local.Token
			}
		}
	}
	u, err := url.Parse(strings.TrimSuffix(server, "/"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usagef(cmd, "server %q is not a URL such as http://127.0.0.1:8514", server)
	}
	c := &client{server: u, token: token, http: &http.Client{}}
	if trust != "" {
		if c.tls, err = trustOnly(trust); err != nil {
			return nil, err
		}
		c.http.Transport = &http.Transport{TLSClientConfig: c.tls}
	}
	return c, nil
}

// trustOnly trusts the certificate in the file, whatever name is in it: the server
// is this machine's.
func trustOnly(file string) (*tls.Config, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the server's certificate: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read the server's certificate %s: there is none in it", file)
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // the name only: the chain is verified below
		VerifyConnection: func(state tls.ConnectionState) error {
			opts := x509.VerifyOptions{Roots: pool, Intermediates: pool}
			_, err := state.PeerCertificates[0].Verify(opts)
			return err
		},
	}, nil
}

// api returns the URL of a path below /api/v1. Times in a search text are in
// the zone in which this terminal shows them.
func (c *client) api(path string, query url.Values) *url.URL {
	u := c.server.JoinPath("api/v1", path)
	if query.Has("q") {
		query.Set("tz", zoneName(localZone(), time.Now()))
	}
	u.RawQuery = query.Encode()
	return u
}

// send sends a request without a body. The caller closes the answer's body; an
// answer that is a problem is an error.
func (c *client) send(ctx context.Context, method string, u *url.URL) (*http.Response, error) {
	return c.sendBody(ctx, method, u, http.NoBody)
}

func (c *client) sendBody(ctx context.Context, method string, u *url.URL, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if response.StatusCode >= 300 {
		defer response.Body.Close()
		return nil, problemOf(response)
	}
	return response, nil
}

// do sends a request without a body and decodes the JSON of its answer into
// out, if out is not nil.
func (c *client) do(ctx context.Context, method string, u *url.URL, out any) error {
	response, err := c.send(ctx, method, u)
	if err != nil {
		return err
	}
	return c.decode(response, out)
}

// post and put send in as JSON and decode the answer into out, if out is not nil.
func (c *client) post(ctx context.Context, u *url.URL, in, out any) error {
	return c.sendJSON(ctx, http.MethodPost, u, in, out)
}

func (c *client) put(ctx context.Context, u *url.URL, in, out any) error {
	return c.sendJSON(ctx, http.MethodPut, u, in, out)
}

func (c *client) sendJSON(ctx context.Context, method string, u *url.URL, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	response, err := c.sendBody(ctx, method, u, bytes.NewReader(body))
	if err != nil {
		return err
	}
	return c.decode(response, out)
}

// decode reads and closes an answer.
func (c *client) decode(response *http.Response, out any) error {
	defer response.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(out); err != nil {
		return fmt.Errorf("read answer of %s: %w", c.server, err)
	}
	return nil
}

// dial opens a WebSocket.
func (c *client) dial(ctx context.Context, u *url.URL) (*websocket.Conn, error) {
	ws := *u
	ws.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	header := http.Header{"Authorization": {"Bearer " + c.token}}
	dialer := *websocket.DefaultDialer
	dialer.TLSClientConfig = c.tls
	conn, response, err := dialer.DialContext(ctx, ws.String(), header)
	if response != nil && err != nil {
		defer response.Body.Close()
		return nil, problemOf(response)
	}
	if err != nil {
		return nil, c.unreachable(err)
	}
	return conn, nil
}

func (c *client) unreachable(err error) error {
	var address *url.Error
	if errors.As(err, &address) {
		err = address.Err
	}
	return fmt.Errorf("the server at %s does not answer (%w): is it running?", c.server, err)
}

// problemOf turns an error answer (RFC 9457) into its one sentence.
func problemOf(response *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	var problem struct{ Title, Detail string }
	if json.NewDecoder(bytes.NewReader(body)).Decode(&problem) != nil || problem.Title == "" {
		return fmt.Errorf("the server answered %s", response.Status)
	}
	if response.StatusCode == http.StatusUnauthorized {
		return errors.New("the server does not know this token: set TAGTAIL_TOKEN, or run this in the folder of the server's data as its user")
	}
	if problem.Detail == "" {
		return errors.New(problem.Title)
	}
	return errors.New(problem.Detail)
}
