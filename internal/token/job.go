package token

// A JobRun is what all nodes know of a job that one of them runs at a time.
// Instants are ms.
type JobRun struct {
	Name  string
	Owner string // the node that ran it last, or runs it
	Until int64  // nobody else begins before; 0: nobody runs it
	Last  int64  // when the last run that succeeded began; 0: never
	State string // done, running, or the fault of the last run
}
