package keys

import (
	"fmt"
	"io"
	"log/slog"
)

const redaction = "[redacted]"

// hidden is embedded by types that hold secrets: whatever verb or logger is
// used, nothing of their fields is printed. Format is needed beside String,
// because verbs such as %d bypass it.
type hidden struct{}

// Format prints the redaction for every verb and flag.
func (hidden) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redaction) }

// String returns the redaction.
func (hidden) String() string { return redaction }

// GoString returns the redaction.
func (hidden) GoString() string { return redaction }

// LogValue logs the redaction.
func (hidden) LogValue() slog.Value { return slog.StringValue(redaction) }
