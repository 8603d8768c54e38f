//go:build !race

package web_test

// slowness is how much longer than in production a thing may take here.
const slowness = 1
