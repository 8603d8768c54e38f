package token

// A Need is somebody who was refused because a secret is suspended: what a
// brown-out is made to find out. Those who find no room beside others have
// neither address nor agent.
type Need struct {
	Secret ID
	Since  int64 // ms: when that suspension began
	Seen
}

// MostNeeds is how many are told apart of one suspension.
const MostNeeds = 64
