package keys

import "time"

// The rotation of a key: published as next, active once every copy of the key
// set that others keep must hold it, retiring when its follower takes over, ended
// when no token that it signed can be alive: the longest life of any later, and a
// margin.

// TurnEvery is the longest time between two turns of a node. A node hears of
// keys that another node made in its next turn.
const TurnEvery = 30 * time.Second

// margin covers what a node has not heard yet: up to TurnEvery and a slow
// commit after a key was made, its key set lacks the key; as long after a key
// was retired, it may still sign with it.
const margin = time.Minute

// A step is one conditional change of one key. A step with an empty id makes
// the next key of alg.
type step struct {
	alg      string
	id       string
	from, to string
}

// due returns the steps that the keys need at now (ms), in order. Several nodes
// may try the same steps, and a node may die between any two: a follower whose
// predecessor is already retiring becomes active in the next turn of any node.
func due(rows []Row, now int64, period, life time.Duration) []step {
	var steps []step
	active := map[string]Row{} // by algorithm; the active key comes before its follower
	follows := map[string]bool{}
	for _, row := range published(rows) {
		old, signs := active[row.Alg]
		switch {
		case row.State == Active:
			active[row.Alg] = row
		case row.State == Next:
			follows[row.Alg] = true
			if !signs {
				steps = append(steps, move(row, Active))
			} else if passed(row.CreatedAt, JWKSMaxAge+margin, now) {
				steps = append(steps, move(old, Retiring), move(row, Active))
			}
		case row.State == Retiring && passed(row.RetireAt, life+margin, now):
			steps = append(steps, move(row, Ended))
		}
	}
	for _, alg := range algs() {
		if row, signs := active[alg]; signs && !follows[alg] && passed(row.ActiveAt, period, now) {
			steps = append(steps, step{alg: alg})
		}
	}
	return steps
}

func move(r Row, state string) step { return step{alg: r.Alg, id: r.ID, from: r.State, to: state} }

// passed reports whether at least d has passed since an instant (ms).
func passed(since int64, d time.Duration, now int64) bool { return now-since >= d.Milliseconds() }
