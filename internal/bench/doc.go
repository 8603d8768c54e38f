// Package bench knows what the finished paths cost: it runs the program as an
// operator would, beside a bare net/http handler on the same core, and prints
// one table with the budgets of the design. It has nothing that others import;
// "make bench" runs it, and docs/performance.md says how to read it.
package bench
