package api

import (
	"net/http"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

func (f *Face) jobRoutes() []web.Route {
	return []web.Route{f.admin("GET /v1/jobs", token.AdminRead, f.listJobs)}
}

// A jobView is what happens by itself, and when it did.
type jobView struct {
	Name     string  `json:"name"`
	Every    int64   `json:"every_seconds"`
	EachNode bool    `json:"each_node"`
	Last     *string `json:"last_run_at"`
	Took     int64   `json:"took_ms"`
	Overdue  bool    `json:"overdue"`
	Running  bool    `json:"running"`
	Fault    string  `json:"fault,omitempty"`
}

// listJobs serves GET /v1/jobs.
func (f *Face) listJobs(c *web.Call, _ *caller) error {
	states, err := f.cfg.Jobs(c.Context())
	if err != nil {
		return err
	}
	now, views := c.Now().UnixMilli(), make([]jobView, 0, len(states))
	for _, j := range states {
		views = append(views, jobView{
			Name: j.Name, Every: j.Every / 1000, EachNode: j.EachNode, Last: instant(j.Last), Took: j.Took, Overdue: j.Overdue(now), Running: j.Running, Fault: j.Fault,
		})
	}
	return c.WriteJSON(http.StatusOK, page[jobView]{Items: views})
}
