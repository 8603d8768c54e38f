package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"

	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/web"
)

// settings are what the server and its maintenance need to know. Each is a
// flag, a variable and a key of the YAML file; every zero value works.
type settings struct {
	Listen           string   `env:"FICHA_LISTEN" default:"127.0.0.1:8080" help:"Address to listen on."`
	Issuer           string   `env:"FICHA_ISSUER" help:"Public base URL, such as https://tokens.example.com. http is allowed on loopback only." placeholder:"URL"`
	DataDir          string   `env:"FICHA_DATA_DIR" default:"./ficha-data" help:"Folder of the master key and of the SQLite database." placeholder:"DIR"`
	Database         string   `env:"FICHA_DATABASE" help:"sqlite:PATH or postgres://…; SQLite in the data folder if not given." placeholder:"URL"`
	Environment      string   `env:"FICHA_ENVIRONMENT" help:"production, sandbox, or another name; part of every secret's prefix." placeholder:"NAME"`
	MasterKey        string   `env:"FICHA_MASTER_KEY" help:"32 bytes in base64 or hex, in place of master.key in the data folder." placeholder:"KEY"`
	SMTPURL          string   `name:"smtp-url" env:"FICHA_SMTP_URL" help:"Mail server, such as smtp://user:password@mail.example.com:587; no mail is sent if not given." placeholder:"URL"`
	MailFrom         string   `env:"FICHA_MAIL_FROM" help:"Whom mail is from, such as Ficha <ficha@example.com>; ficha at the issuer's host if not given." placeholder:"ADDRESS"`
	TrustedProxies   []string `env:"FICHA_TRUSTED_PROXIES" help:"Networks whose X-Forwarded-For is believed, such as 10.0.0.0/8." placeholder:"CIDR"`
	InternalNetworks []string `env:"FICHA_INTERNAL_NETWORKS" help:"Networks whose traffic counts as internal, such as 10.0.0.0/8." placeholder:"CIDR"`
	InternalHeader   string   `env:"FICHA_INTERNAL_HEADER" help:"Header by which a trusted proxy marks internal traffic; it must overwrite what callers send." placeholder:"NAME=VALUE"`
	GitHubKeys       string   `name:"github-keys" env:"FICHA_GITHUB_KEYS" help:"Where GitHub's public keys for secret scanning are: a file, or https://api.github.com/meta/public_keys/secret_scanning. Its reports of leaked secrets are refused if not given." placeholder:"FILE|URL"`
	WebhookAllow     []string `env:"FICHA_WEBHOOK_ALLOW" help:"Networks that are not public and webhooks may be delivered to, over http too, such as 10.1.0.0/16." placeholder:"CIDR"`
	Without          []string `env:"FICHA_WITHOUT" enum:"becms,fanbase,chronos,hubspot,contentful" help:"Contracts to switch off: becms, fanbase, chronos, hubspot, contentful." placeholder:"NAME"`
	CachedTokens     int      `env:"FICHA_CACHED_TOKENS" default:"500000" help:"Tokens held in memory, of about 250 bytes each; others are read from the database when asked about."`
	UseRecords       oneOf    `env:"FICHA_USE_RECORDS" default:"off" help:"Which uses of tokens are recorded singly for 30 days: off, sampled:N (one of N) or full." placeholder:"off|sampled:N|full"`
	AuditSinks       []string `env:"FICHA_AUDIT_SINKS" help:"Where else the audit goes: file:/path, syslog+udp://, syslog+tcp:// or syslog+tls://host:port, https://…; ?format=json or ocsf." placeholder:"URL"`
	LogLevel         string   `env:"FICHA_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"debug, info, warn or error."`
	Upstream         provider `embed:"" prefix:"upstream-"`
	Limits           limits   `embed:"" prefix:"limits-"`
}

// oneOf is how many there are to each that is chosen: 1 chooses all, 0 none.
type oneOf int

// UnmarshalText reads off, sampled:N or full.
func (o *oneOf) UnmarshalText(text []byte) error {
	rest, sampled := strings.CutPrefix(string(text), "sampled:")
	n, err := strconv.Atoi(rest)
	switch {
	case string(text) == "off":
		*o = 0
	case string(text) == "full":
		*o = 1
	case sampled && err == nil && n > 0:
		*o = oneOf(n)
	default:
		return fmt.Errorf("%q: write it as off, sampled:100 or full", text)
	}
	return nil
}

// limits bound the guessing of passwords.
type limits struct {
	PerAddress int           `env:"FICHA_LIMITS_PER_ADDRESS" default:"10" help:"Wrong passwords for one account from one address in a minute, before refusals."`
	PerAccount int           `env:"FICHA_LIMITS_PER_ACCOUNT" default:"100" help:"Wrong passwords for one account from anywhere in a minute, before delays."`
	Delay      time.Duration `env:"FICHA_LIMITS_DELAY" default:"1s" help:"How long such a try waits."`
}

// yamlFile reads the configuration file: keys are the flags' names, with - or
// _ between words. An unknown key is an error. A flag stands before a variable,
// a variable before the file, and the file before the default.
func yamlFile(r io.Reader) (kong.Resolver, error) {
	given := map[string]any{}
	if err := yaml.NewDecoder(r).Decode(&given); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	flat := resolver{}
	flatten(flat, "", given)
	return flat, nil
}

func flatten(into resolver, prefix string, from map[string]any) {
	for key, value := range from {
		name := prefix + strings.ReplaceAll(key, "_", "-")
		if deeper, ok := value.(map[string]any); ok {
			flatten(into, name+"-", deeper)
			continue
		}
		into[name] = value
	}
}

// resolver hands the file's values to the flags, by name.
type resolver map[string]any

// Validate refuses keys that no flag has.
func (r resolver) Validate(app *kong.Application) error {
	known := map[string]bool{}
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			known[flag.Name] = true
		}
		return next(nil)
	})
	var unknown []string
	for key := range r {
		if !known[key] {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return fmt.Errorf("configuration file: unknown keys %s: the keys are the flags' names", strings.Join(unknown, ", "))
}

// Resolve returns the file's value for a flag, nil if it has none or the
// environment has one.
func (r resolver) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return nil, nil
		}
	}
	switch value := r[flag.Name].(type) {
	case nil:
		return nil, nil
	case []any:
		words := make([]string, len(value))
		for i := range value {
			words[i] = fmt.Sprint(value[i])
		}
		return strings.Join(words, ","), nil
	default:
		return fmt.Sprint(value), nil
	}
}

// logger writes one JSON line for each thing that happens.
func (s *settings) logger(out io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level}))
}

// config checks the settings and returns what the server is built from.
func (s *settings) config(log *slog.Logger) (server.Config, error) {
	cfg := server.Config{
		DataDir: s.DataDir, Database: s.Database, Issuer: strings.TrimRight(s.Issuer, "/"), Environment: s.Environment, MasterKey: s.MasterKey,
		SMTPURL: s.SMTPURL, MailFrom: s.MailFrom, GitHubKeys: s.GitHubKeys, Without: s.Without, Sinks: s.AuditSinks, Cached: s.CachedTokens, Records: int(s.UseRecords), Now: time.Now, Log: log, Env: os.LookupEnv, ReadFile: os.ReadFile,
		Limits: identity.Limits{PerAddress: s.Limits.PerAddress, PerAccount: s.Limits.PerAccount, Delay: s.Limits.Delay},
	}
	if err := checkListen(s.Listen); err != nil {
		return cfg, err
	}
	if cfg.Issuer == "" {
		cfg.Issuer = "http://" + localName(s.Listen)
	}
	if err := checkIssuer(cfg.Issuer); err != nil {
		return cfg, err
	}
	var err error
	if cfg.Upstream, err = s.Upstream.config(cfg.ReadFile); err != nil {
		return cfg, err
	}
	if cfg.TrustedProxies, err = networks("trusted-proxies", s.TrustedProxies); err != nil {
		return cfg, err
	}
	if cfg.WebhookAllow, err = networks("webhook-allow", s.WebhookAllow); err != nil {
		return cfg, err
	}
	cfg.Internal, err = s.internal()
	return cfg, err
}

// internal reads what counts as traffic of the house.
func (s *settings) internal() (in web.Internal, err error) {
	in.Networks, err = networks("internal-networks", s.InternalNetworks)
	if err != nil || s.InternalHeader == "" {
		return in, err
	}
	var ok bool
	in.Header, in.Value, ok = strings.Cut(s.InternalHeader, "=")
	if !ok || in.Header == "" || in.Value == "" {
		return in, fmt.Errorf("internal-header: %q names no header and value: write it as X-Traffic=internal", s.InternalHeader)
	}
	if len(s.TrustedProxies) == 0 {
		return in, errors.New("internal-header: it is believed from trusted proxies only: name them in trusted-proxies")
	}
	return in, nil
}

func networks(name string, texts []string) (list []netip.Prefix, err error) {
	for _, text := range texts {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is no network: write it as 10.0.0.0/8", name, text)
		}
		list = append(list, network)
	}
	return list, nil
}

// checkListen refuses what is no address. A port may have a name.
func checkListen(listen string) error {
	_, port, err := net.SplitHostPort(listen)
	if n, number := strconv.Atoi(port); err != nil || number == nil && (n < 0 || n > 65535) {
		return fmt.Errorf("listen: %q is no address: write it as host:port, such as 127.0.0.1:8080, or :8080 for every network of this machine", listen)
	}
	return nil
}

// localName is how this machine reaches an address that is listened on.
func localName(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Path != "" {
		return fmt.Errorf("issuer: %q is no base URL: write it as https://tokens.example.com", issuer)
	}
	if u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()) {
		return nil
	}
	return errors.New("issuer: http is allowed on loopback only: put the server behind TLS and give its https URL as FICHA_ISSUER")
}

// loopback reports whether a host is this machine, as no network sees it.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
