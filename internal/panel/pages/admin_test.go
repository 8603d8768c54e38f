package pages

import (
	"io"
	"slices"
	"time"
)

// atNoon is now on every sample of administration.
var atNoon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// of is a sample of a page whose method of Set has that view.
func of[V any](name string, write func(*Set, io.Writer, Lang, V) error, v V) sample {
	return sample{name, func(s *Set, w io.Writer, l Lang) error { return write(s, w, l, v) }}
}

// adminSamples are the pages on which a workspace is looked after.
func adminSamples() []sample {
	return slices.Concat(webhookSamples(), auditSamples(), policySamples(), memberSamples(), applicationSamples(), usageSamples(), serverSamples())
}

// hostileAdmin are those pages with what harms in every name.
func hostileAdmin(shell Shell) []sample {
	return slices.Concat(hostileWebhooks(shell), hostileAudit(shell), hostilePolicies(shell), hostileMembers(shell), hostileApplications(shell), hostileServer(shell))
}
