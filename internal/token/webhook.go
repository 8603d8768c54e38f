package token

// A Subscription is a webhook with what is known of it beside what it hears.
// Instants are ms; 0: none.
type Subscription struct {
	Webhook
	WebhookHealth
	CreatedAt      int64
	EndedAt        int64
	DisabledReason string // why nothing is sent to it any more

	Secret     []byte // sealed
	NextSecret []byte // sealed; empty: the secret does not rotate
}

// Receiver returns what is needed to send to the subscription.
func (s *Subscription) Receiver() Receiver {
	return Receiver{ID: s.ID, Workspace: s.Workspace, URL: s.URL, Secret: s.Secret, NextSecret: s.NextSecret}
}

// Live reports whether deliveries are sent to the subscription.
func (s *Subscription) Live() bool { return s.EndedAt == 0 && s.DisabledAt == 0 }

// A WebhookHealth counts from the last delivery that arrived.
type WebhookHealth struct {
	Failures     int64 // tries that have failed since
	FailingSince int64 // ms: the first of them; 0: none has
	Notices      int64 // how many of the three notices were given
}

// A DeliveryState says what becomes of an outbox row.
type DeliveryState string

// The states of a delivery. One that is due waits for its next try, or is being
// tried; one that is dead is not tried again by itself.
const (
	DeliveryDue  DeliveryState = "due"
	DeliveryDone DeliveryState = "delivered"
	DeliveryDead DeliveryState = "dead"
)

// A Shipment is a delivery as the outbox keeps it.
type Shipment struct {
	Delivery
	State    DeliveryState
	Tries    int64
	NextAt   int64 // ms: the next try; past the last, when the row goes; of a claimed one, until when it is claimed
	Attempts []Attempt
}

// An Attempt is one try of a delivery.
type Attempt struct {
	At     int64  `json:"at"` // ms
	Took   int64  `json:"took"`
	Status int    `json:"status,omitempty"` // of the answer; 0: there was none
	Fault  string `json:"fault,omitempty"`  // a word, why it failed
}

// A Receiver is where the deliveries of a subscription go, and the sealed
// secrets that they are signed with.
type Receiver struct {
	ID         ID
	Workspace  string
	URL        string
	Secret     []byte
	NextSecret []byte // while the secret rotates; empty: it does not
}

// A Load is what one claim of a node took for one subscription.
type Load struct {
	To        Receiver
	Shipments []Shipment
}

// A Try is what came of one try of a claimed shipment.
type Try struct {
	Shipment Shipment
	Attempt  Attempt
	Arrived  bool // the receiver said 2xx
	Gone     bool // it said 410: it wants nothing more
}

// A SealedSecret is the secret of a subscription as it is kept.
type SealedSecret struct {
	Sealed []byte // opened by the server's master key alone
	Mark   string // how the secret is told when somebody shows it; opens nothing
}
