package house

// anything marks a room that may import every other.
const anything = "*"

// arrows lists what each room may import of ours, outside its tests. A new
// room or a new arrow begins here, with a reason in the commit. A room's
// folders below it belong to the room.
var arrows = map[string][]string{
	// The words, and what is pure over them.
	"token":  {},
	"guess":  {},
	"factor": {},
	"policy": {"token"},
	"alert":  {"token"},
	"scan":   {"token"},

	// What has a memory or a secret.
	"audit":     {"token"},
	"github":    {"token"},
	"keys":      {"token"},
	"mail":      {"token"},
	"metric":    {"token"}, // token: what traffic is
	"resources": {"token"},
	"store":     {"token"},
	"upstream":  {"token"},
	"verifier":  {"token"},

	// The rules.
	"identity":  {"token", "guess", "audit", "factor", "upstream"},
	"authority": {"token", "policy", "keys", "audit", "guess", "alert", "scan"}, // scan: it masks secrets in reported addresses
	"jobs":      {"token"},
	"sink":      {"token", "audit"},
	"webhook":   {"token", "policy"},

	// The floor and the faces on it; a face never knows another.
	"web":     {"token", "metric"},
	"oauth":   {"authority", "verifier", "web", "token", "keys"}, // keys: it publishes the JWKS
	"dialect": {"authority", "identity", "verifier", "web", "token"},
	"api":     {"authority", "identity", "verifier", "web", "token", "resources", "alert", "audit", "scan", "github"}, // resources: it applies files; alert: it shows rules; audit: it publishes the catalogue; scan: it publishes rules; github: it hears reports
	"panel":   {"authority", "identity", "verifier", "web", "audit", "alert", "token"},

	// What ties everything.
	"server":    {anything}, // ties the rooms together, for the binary and for tests
	"cmd/ficha": {anything},

	// Only tests import these.
	"pgtest":     {anything},
	"servertest": {anything},
	"house":      {anything},
	"bench":      {}, // has tests only
}

// testRooms and testModules never reach the binary.
var (
	testRooms   = []string{"pgtest", "house", "servertest", "bench"}
	testModules = []string{
		"testing",
		"github.com/chromedp/",
		"github.com/emersion/go-sasl",
		"github.com/emersion/go-smtp",
		"github.com/getkin/kin-openapi",
		"github.com/google/go-cmp",
		"github.com/rogpeppe/go-internal",
		"go.uber.org/goleak",
		"pgregory.net/rapid",
	}
)

// pureRooms do no I/O, so none of outside may be imported there.
var (
	pureRooms = []string{"token", "policy"}
	outside   = []string{"os", "net", "net/http", "database/sql", "log", "log/slog"}
)

// clockReaders are the files outside cmd that may read the wall clock or
// sleep, each with its reason.
var clockReaders = map[string]string{}

// clock are the functions of package time that read the wall clock or wait on it.
var clock = []string{"Now", "Since", "Until", "Sleep"}
