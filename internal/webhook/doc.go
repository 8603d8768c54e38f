// Package webhook knows how an event leaves the house: signed as Standard
// Webhooks 1.0 has it, to addresses that a tenant may reach, by a bounded number
// of workers, until it arrived or was tried often enough. What waits, and what a
// try comes to, others write down.
package webhook
