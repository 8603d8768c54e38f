package pages

import "time"

func memberSamples() []sample {
	shell := fullShell(Members)
	since := atNoon.Add(-400 * time.Hour)
	list := MemberList{Shell: shell, Now: atNoon, Pager: Pager{Next: "/panel/w/ws1/members?after=x"}, Items: []Member{
		{ID: "usr_1", Name: "Ana Admin", Email: "ana@acme.example", Role: "super_admin", Impersonates: true, Teams: []string{"Platform", "Editors", "Ops", "Sales"}, Since: since},
		{ID: "usr_2", Email: "bob@acme.example", Role: "reader", Narrowed: true, Since: since}, {ID: "usr_3", Role: "admin", Disabled: true, Since: since},
		{ID: "usr_4", Email: "gone@acme.example", Role: "member", LeftAt: atNoon},
	}}
	waiting := list
	waiting.Waiting, waiting.WaitingPager = []WaitingMember{
		{Email: "new@acme.example", Role: "member", By: "ana@acme.example", Until: atNoon.Add(160 * time.Hour)},
		{Email: "else@basin.example", Role: "admin", Impersonates: true, Narrowed: true, Teams: []string{"Platform"}, By: "ana@acme.example", Until: atNoon.Add(time.Hour)},
	}, Pager{First: "/panel/w/ws1/members", Next: "/panel/w/ws1/members?waiting=x"}
	add := MemberForm{Shell: shell, Role: "member", Roles: []string{"reader"}, Teams: []Group{{"t1", "Platform"}, {"t2", ""}}, Spaces: []Group{{"s1", "Site"}}}
	change := add
	change.ID, change.Email, change.Impersonate, change.InTeams, change.Narrow, change.Scopes = "usr_2", "bob@acme.example", true, []string{"t2"}, true, "content:read"
	change.Wrong = Wrong{Whole: SuperOnly, Detail: "only a super admin may appoint admins"}
	roles := RoleList{Shell: shell, Items: []Role{{"reader", []string{"content:read", "catalog:read"}}, {"x.y:z", nil}}, Form: Role{Name: "reader"}, Super: true, Wrong: Wrong{Fields: map[string]string{"name": "use letters"}}}
	plain := roles
	plain.Super, plain.Wrong = false, Wrong{}
	return []sample{
		of("members", (*Set).MemberList, list), of("members_waiting", (*Set).MemberList, waiting), of("members_none", (*Set).MemberList, MemberList{Shell: shell}),
		of("member_add", (*Set).MemberForm, add), of("member_change", (*Set).MemberForm, change),
		of("roles", (*Set).RoleList, roles), of("roles_plain", (*Set).RoleList, plain),
		of("scopes", (*Set).ScopeList, ScopeList{Shell: shell, Search: "content", Scopes: everyScope(), Beyond: []string{"content:delete"}}),
		of("scopes_none", (*Set).ScopeList, ScopeList{Shell: shell}),
	}
}

func hostileMembers(shell Shell) []sample {
	groups := []Group{{hostile, hostile}}
	return []sample{
		of("members_waiting", (*Set).MemberList, MemberList{Shell: shell, Waiting: []WaitingMember{{Email: hostile, Role: hostile, Teams: []string{hostile}, By: hostile}}}),
		of("invitations", (*Set).Invitations, Invitations{Shell: shell, Items: []Invitation{{Workspace: Workspace{ID: hostile, Name: hostile}, Role: hostile, By: hostile}}}),
		of("members", (*Set).MemberList, MemberList{Shell: shell, Items: []Member{{ID: hostile, Name: hostile, Email: hostile, Role: hostile, Teams: []string{hostile}}}}),
		of("member_form", (*Set).MemberForm, MemberForm{Shell: shell, ID: hostile, Name: hostile, Role: hostile, Roles: []string{hostile}, Teams: groups, Spaces: groups, Scopes: hostile}),
		of("roles", (*Set).RoleList, RoleList{Shell: shell, Super: true, Items: []Role{{hostile, []string{hostile}}}, Form: Role{hostile, []string{hostile}}}),
		of("scopes", (*Set).ScopeList, ScopeList{Shell: shell, Search: hostile, Scopes: []Scope{{Name: hostile, Described: map[string]string{"en": hostile}}}, Beyond: []string{hostile}}),
	}
}
