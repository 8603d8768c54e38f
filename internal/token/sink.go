package token

// A SinkState is how far a sink of the audit is.
type SinkState struct {
	Place   int64 // of the last seal that it acknowledged; 0: none yet
	Waiting ID    // the first record of the oldest seal that it has not; 0 if none waits
	Lost    int64 // records that were purged before it had them
}
