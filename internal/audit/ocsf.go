package audit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// ocsfVersion is the version of the Open Cybersecurity Schema Framework that
// OCSF writes (schema.ocsf.io/1.6.0).
const ocsfVersion = "1.6.0"

// Classes of the schema; the thousands are the category.
const (
	ocsfBase           = 0
	ocsfAccountChange  = 3001
	ocsfAuthentication = 3002
	ocsfEntity         = 3004
	ocsfUserAccess     = 3005
	ocsfAPI            = 6003
)

// ocsfOther is the activity that a class has no number for.
const ocsfOther = 99

// An ocsfEvent is a record in the schema's words. What it requires of every
// class is always there; what it requires of one class, in that class.
type ocsfEvent struct {
	Activity     int            `json:"activity_id"`
	ActivityName string         `json:"activity_name"`
	Category     int            `json:"category_uid"`
	Class        int            `json:"class_uid"`
	Type         int            `json:"type_uid"`
	Severity     int            `json:"severity_id"`
	Status       int            `json:"status_id"`
	Time         int64          `json:"time"`
	Message      string         `json:"message"`
	Metadata     ocsfMetadata   `json:"metadata"`
	Actor        *ocsfActor     `json:"actor,omitempty"`
	Source       *ocsfEndpoint  `json:"src_endpoint,omitempty"`
	HTTP         *ocsfHTTP      `json:"http_request,omitempty"`
	User         *ocsfUser      `json:"user,omitempty"`
	Service      *ocsfThing     `json:"service,omitempty"`
	Entity       *ocsfThing     `json:"entity,omitempty"`
	Privileges   []string       `json:"privileges,omitempty"`
	API          *ocsfOperation `json:"api,omitempty"`
	Unmapped     map[string]any `json:"unmapped,omitempty"` // the detail, and the target where no field has it
}

type ocsfMetadata struct {
	Version string    `json:"version"`
	Product ocsfThing `json:"product"`
	UID     string    `json:"uid"` // the record's id
	Code    string    `json:"event_code"`
	Request string    `json:"correlation_uid,omitempty"`
	Tenant  string    `json:"tenant_uid,omitempty"`
}

type ocsfThing struct {
	Name   string `json:"name,omitempty"`
	UID    string `json:"uid,omitempty"`
	Type   string `json:"type,omitempty"`
	Vendor string `json:"vendor_name,omitempty"`
}

type ocsfActor struct {
	User    *ocsfUser  `json:"user,omitempty"`
	AppName string     `json:"app_name,omitempty"`
	AppUID  string     `json:"app_uid,omitempty"`
	Session *ocsfThing `json:"session,omitempty"` // the credential
}

type ocsfUser struct {
	Name string `json:"name,omitempty"`
	UID  string `json:"uid,omitempty"`
	Type int    `json:"type_id"`
}

type ocsfEndpoint struct {
	IP   string `json:"ip,omitempty"`
	Name string `json:"name,omitempty"`
}

type ocsfHTTP struct {
	Agent string `json:"user_agent"`
}

type ocsfOperation struct {
	Operation string `json:"operation"`
}

// OCSF returns a record as JSON of the Open Cybersecurity Schema Framework 1.6.
// Its id is metadata.uid, its action metadata.event_code.
func OCSF(e *token.Event) ([]byte, error) {
	class, activity := ocsfClass(e.Action)
	group, verb, _ := strings.Cut(e.Action, ".")
	kind, id, _ := strings.Cut(e.Target, ":")
	out := ocsfEvent{
		Activity: activity, ActivityName: verb, Category: class / 1000, Class: class, Type: class*100 + activity, Severity: ocsfSeverity(e), Status: 1,
		Time: e.At, Message: sentence(e.Action), Actor: ocsfActorOf(&e.Actor), Source: &ocsfEndpoint{IP: e.Actor.Address},
		Metadata: ocsfMetadata{
			Version: ocsfVersion, Product: ocsfThing{Name: "Ficha", Vendor: "Ficha"}, UID: e.ID.String(), Code: e.Action,
			Request: e.Actor.Request, Tenant: e.Workspace,
		},
		Unmapped: map[string]any{"target": e.Target, "detail": e.Detail},
	}
	if e.Outcome == token.Refused {
		out.Status = 2
	}
	if e.Actor.Address == "" {
		out.Source = &ocsfEndpoint{Name: "ficha"} // the server itself acts
	}
	if e.Actor.Agent != "" {
		out.HTTP = &ocsfHTTP{Agent: e.Actor.Agent}
	}
	switch class {
	case ocsfAccountChange, ocsfAuthentication, ocsfUserAccess:
		out.User = &ocsfUser{Name: e.TargetName, UID: id, Type: 1}
		if class == ocsfAuthentication {
			out.Service = &ocsfThing{Name: "Ficha"}
		}
		if class == ocsfUserAccess {
			out.Privileges = []string{privilege(e)}
		}
	case ocsfEntity:
		out.Entity = &ocsfThing{Name: e.TargetName, UID: id, Type: kind}
	case ocsfAPI:
		out.API = &ocsfOperation{Operation: operation(e, group)}
	}
	b, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("write a record as OCSF: %w", err)
	}
	return b, nil
}

// ocsfClass returns the class of an action and which of the class's activities
// it is.
func ocsfClass(action string) (class, activity int) {
	group, verb, _ := strings.Cut(action, ".")
	switch {
	case action == "user.sign_in", action == "user.signed_in":
		return ocsfAuthentication, 1
	case action == "impersonation.refused":
		return ocsfAuthentication, 7 // account switch
	case group == "user":
		return ocsfAccountChange, accountActivity(verb)
	case action == "member.added", action == "member.changed":
		return ocsfUserAccess, 1
	case action == "member.removed":
		return ocsfUserAccess, 2
	case group == "impersonation", group == "server":
		return ocsfAPI, ocsfOther
	case group == "alert":
		return ocsfBase, ocsfOther
	}
	return ocsfEntity, entityActivity(verb)
}

// accountActivity numbers what is done to an account (class 3001).
func accountActivity(verb string) int {
	switch verb {
	case "created":
		return 1
	case "enabled":
		return 2
	case "password_changed":
		return 3
	case "password_reset":
		return 4
	case "disabled":
		return 5
	case "removed":
		return 6
	}
	return ocsfOther
}

// entityActivity numbers what is done to anything else (class 3004).
func entityActivity(verb string) int {
	switch verb {
	case "issued", "created", "imported", "installed", "given", "secret_added", "started":
		return 1
	case "changed", "restored":
		return 3
	case "revoked", "removed", "ended", "uninstalled", "secret_ended", "expired", "cancelled", "declined", "withdrawn":
		return 4
	case "enabled":
		return 8
	case "disabled":
		return 9
	case "suspended":
		return 12
	case "resumed":
		return 13
	}
	return ocsfOther
}

// ocsfSeverity is high where somebody has a secret who should not, medium where
// somebody was refused, else informational.
func ocsfSeverity(e *token.Event) int {
	switch {
	case e.Action == "token.leaked", e.Action == "token.used_after_expiry":
		return 4
	case e.Outcome == token.Refused:
		return 3
	}
	return 1
}

// ocsfActorOf returns who acted: a person as user, a program or the server as
// app. Nobody has neither, and stands as the server's own word for it.
func ocsfActorOf(who *token.Actor) *ocsfActor {
	a := &ocsfActor{}
	switch who.Kind {
	case token.User:
		a.User = &ocsfUser{Name: who.Name, UID: who.ID, Type: 1}
	case token.Nobody:
		a.AppName = "nobody"
	default:
		a.AppName, a.AppUID = who.Name, who.ID
	}
	if who.Token != 0 {
		a.Session = &ocsfThing{UID: who.Token.String()}
	}
	return a
}

// privilege names what a member may do: by their role.
func privilege(e *token.Event) string {
	if role, ok := e.Detail["role"].(string); ok && role != "" {
		return role
	}
	return "member"
}

// operation names what was asked of the API: the route where the record has it.
func operation(e *token.Event, group string) string {
	if route, ok := e.Detail["route"].(string); ok && route != "" {
		return route
	}
	return group
}

// sentence says what an action is, in the catalogue's words where it has some.
func sentence(action string) string {
	i, found := slices.BinarySearchFunc(catalogue, action, func(k EventKind, name string) int { return strings.Compare(k.Name, name) })
	if !found {
		return action
	}
	return catalogue[i].Text
}
