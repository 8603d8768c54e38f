package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// A Call is one request and its answer. It belongs to the goroutine that
// serves the request; only its Context may be used by others. It is an
// http.ResponseWriter, for answers that it has no method for.
type Call struct {
	// Request is as it arrived. Prefer the methods of Call, which bound what
	// they read; its Context has no deadline.
	Request *http.Request

	w       http.ResponseWriter
	floor   *Floor
	route   *mounted // nil until the mux found one
	start   time.Time
	clock   clock
	id      string
	address string
	body    []byte // once read
	read    bool
	proxied bool // by a trusted proxy

	actor    token.Actor
	client   string
	protects string // a route of a protected service

	status  int        // of the answer, 0 before it
	muxed   int        // what the mux answered where there is no route
	code    token.Code // of the refusal, if one
	fault   error
	stack   string
	shaping bool
	abort   bool // the answer is torn off
}

// Context returns the context of the call. It ends when the caller is gone or
// the time of a handler (Config.Timeout, or what Allow gave it) is over.
func (c *Call) Context() context.Context { return &c.clock }

// slowest is how long an answer may take on its way beyond its making.
const slowest = 30 * time.Second

// Allow gives the handler a while from now on in place of what is left, and its
// answer the time to arrive. It is called once it is known who asks and what was
// sent has been read: nobody else holds a connection for long. A time that the
// connection cannot keep is no error.
func (c *Call) Allow(while time.Duration) {
	c.clock.move(c.floor.now().Add(while))
	end, _ := c.clock.Deadline() // by the clock that connections go by
	_ = http.NewResponseController(c.w).SetWriteDeadline(end.Add(slowest))
}

// Now returns when the request arrived.
func (c *Call) Now() time.Time { return c.start }

// ID returns the id of the request, which the answer carries in X-Request-Id.
func (c *Call) ID() string { return c.id }

// Address returns the caller's network address without port: the peer's, or
// what trusted proxies say. Empty if the peer has none.
func (c *Call) Address() string { return c.address }

// maxAgent is how much of a User-Agent is kept, in bytes.
const maxAgent = 200

// Agent returns the User-Agent, cut to 200 bytes of valid UTF-8.
func (c *Call) Agent() string {
	agent := c.Request.UserAgent()
	if len(agent) > maxAgent {
		agent = agent[:maxAgent]
	}
	return strings.ToValidUTF8(agent, "")
}

// PathValue returns a wildcard of the route's pattern, or a refusal if it is
// over 4 kB, not UTF-8 or holds a NUL.
func (c *Call) PathValue(name string) (string, error) {
	value := c.Request.PathValue(name)
	if err := checkValue(name, value); err != nil {
		return "", err
	}
	return value, nil
}

// Rule returns the rule of the route.
func (c *Call) Rule() Rule { return c.route.Rule }

// Pattern returns the pattern of the route: what may be logged and counted.
func (c *Call) Pattern() string { return c.route.Pattern }

// Actor returns who acts, as SetActor was told, with address, agent and request
// filled in. Before SetActor it is nobody, from there.
func (c *Call) Actor() token.Actor {
	who := c.actor
	who.Address, who.Agent, who.Request = c.address, c.Agent(), c.id
	return who
}

// SetActor says who acts, once that is proven.
func (c *Call) SetActor(who token.Actor) { c.actor = who }

// SetClient says which client the request is about, for the log. It must be the
// id of a client that exists: what a caller put into client_id may be anything,
// also a secret.
func (c *Call) SetClient(id string) { c.client = id }
