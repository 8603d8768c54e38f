// Package audit knows the ledger: what the record of a deed holds, who is told
// of it, and how seals prove that no record was changed or taken away.
package audit
