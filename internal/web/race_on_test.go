//go:build race

package web_test

// slowness is how much longer than in production a thing may take here: the
// race detector's own work.
const slowness = 10
