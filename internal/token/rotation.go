package token

// A Rotating says what sort of credential gets a new secret.
type Rotating string

// What rotates: every credential that lives long and has a secret.
const (
	RotatesToken         Rotating = "token"
	RotatesClientSecret  Rotating = "client_secret"
	RotatesWebhookSecret Rotating = "webhook_secret"
	RotatesClientToken   Rotating = "client_token"
)

// A RotationState says how far a rotation is.
type RotationState string

// The states. Pending and Active are open: two secrets live. In Undone the old
// secret is the one that stays, and the new one has the grace.
const (
	RotationPending   RotationState = "pending"   // the new secret was not seen yet
	RotationActive    RotationState = "active"    // it was; the old one's grace runs
	RotationUndone    RotationState = "undone"    // the old one took its place again
	RotationRetired   RotationState = "retired"   // the old one is over
	RotationCancelled RotationState = "cancelled" // the new one was never seen and is over
)

// A Rotation is one replacement of a secret by another, confirmed by use: the
// old secret works on until the new one was seen and a grace has passed. It
// never makes the old one live longer. Instants are ms, 0: not yet.
type Rotation struct {
	ID          ID
	What        Rotating
	Workspace   string
	Credential  string // what people know it by: a token's credential, a client's id, …
	Name        string // for people
	Old, New    ID     // the two secrets
	OldExpires  int64  // when the old one ends by itself; 0: never
	NewExpires  int64  // when the new one does
	State       RotationState
	Grace       int64 // seconds that the old one works on after the new one was seen
	Reason      string
	MadeBy      string // user:ID, client:ID, …
	CreatedAt   int64
	ConfirmedAt int64
	RetiresAt   int64 // when the one that goes is over
	EndedAt     int64
}

// Open reports whether two secrets still live by it.
func (r *Rotation) Open() bool { return r.EndedAt == 0 }

// NewWorks reports whether the new secret was seen and has not been given up
// since by the rotation itself.
func (r *Rotation) NewWorks() bool {
	switch r.State {
	case RotationActive, RotationRetired:
		return true
	case RotationUndone:
		return r.Open()
	}
	return false
}

// Going returns the secret that goes: the old one, unless the rotation was
// undone.
func (r *Rotation) Going() ID {
	if r.State == RotationUndone {
		return r.New
	}
	return r.Old
}

// Confirm starts the old secret's grace, once: it reports false when the new
// one had been seen, or is over.
func (r *Rotation) Confirm(now int64) bool {
	if r.State != RotationPending || !r.Open() {
		return false
	}
	r.State, r.ConfirmedAt = RotationActive, now
	r.RetiresAt = r.graceFrom(now)
	return true
}

// graceFrom returns the end of a grace that begins now; never past the old
// secret's own end.
func (r *Rotation) graceFrom(now int64) int64 {
	end := now + r.Grace*1000
	if r.OldExpires != 0 && r.OldExpires < end && r.State != RotationUndone {
		return r.OldExpires
	}
	return end
}

// Cancel gives up a new secret that was never seen.
func (r *Rotation) Cancel(now int64) error {
	switch {
	case !r.Open():
		return over(r)
	case r.State != RotationPending:
		return Errorf(Conflict, "the new secret is in use: undo the rotation, so that the old one stays and the new one gets the grace")
	}
	r.State, r.EndedAt = RotationCancelled, now
	return nil
}

// Undo lets the old secret stay. The new one was seen, so it becomes the old
// one and works for a grace of its own.
func (r *Rotation) Undo(now int64) error {
	switch {
	case !r.Open():
		return over(r)
	case r.State == RotationPending:
		return Errorf(Conflict, "the new secret was never used: cancel the rotation instead")
	case r.State == RotationUndone:
		return Errorf(Conflict, "the rotation was undone already")
	case r.OldExpires != 0 && r.OldExpires <= now:
		return Errorf(Conflict, "the old secret has expired")
	case r.RetiresAt != 0 && r.RetiresAt <= now:
		return Errorf(Conflict, "the grace of the old secret is over, and nothing that has ended opens again; rotate anew")
	}
	r.State = RotationUndone
	r.RetiresAt = r.graceFrom(now)
	return nil
}

// Finish ends the secret that goes, before its grace is over where hasty.
func (r *Rotation) Finish(now int64, hasty bool) error {
	switch {
	case !r.Open():
		return over(r)
	case r.State == RotationPending:
		return Errorf(Conflict, "the new secret was not used yet: confirm it first, or cancel the rotation")
	case !hasty && now < r.RetiresAt:
		return Errorf(Conflict, "the grace is not over")
	}
	if r.State == RotationActive {
		r.State = RotationRetired
	}
	r.RetiresAt, r.EndedAt = min(r.RetiresAt, now), now
	return nil
}

// Lapse gives up a new secret that has expired without ever being seen: nothing
// confirms it any more. It reports false of any other.
func (r *Rotation) Lapse(now int64) bool {
	if r.State != RotationPending || !r.Open() || r.NewExpires == 0 || now < r.NewExpires {
		return false
	}
	r.State, r.EndedAt, r.Reason = RotationCancelled, now, "the new secret expired before it was used"
	return true
}

// Lose ends a rotation one of whose secrets was ended by itself: the other stays.
func (r *Rotation) Lose(gone ID, now int64) {
	r.State = RotationCancelled
	if gone == r.Old {
		r.State = RotationRetired
	}
	r.RetiresAt, r.EndedAt = now, now
}

func over(r *Rotation) error {
	return Errorf(Conflict, "the rotation is over (%s)", r.State).Because(Lost)
}

// A RotationQuery asks for a page of rotations of a workspace, newest first.
type RotationQuery struct {
	Workspace  string
	What       Rotating // empty: all
	Credential string   // empty: all; with What
	OpenOnly   bool
	Before     ID // 0: from the newest on
	Limit      int
}
