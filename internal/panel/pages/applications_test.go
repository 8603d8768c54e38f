package pages

import "time"

func application() Application {
	return Application{
		ID: "app_1", Name: "Contacts sync", Description: "Copies contacts.", Number: 7, AuthMethod: "client_secret_basic", Grants: []string{"authorization_code", "refresh_token", "client_credentials", "urn:x:grant"},
		RedirectURIs: []string{"https://site.example/cb", "com.example.app:/cb"}, Scopes: []string{"content:read"}, Optional: []string{"content:write"}, Distribution: "public",
		InstallableBy: "admin", AccessTTL: "30m", CreatedAt: atNoon.Add(-99 * time.Hour),
	}
}

func applicationSamples() []sample {
	shell := fullShell(Applications)
	app, listed, public, odd := application(), application(), application(), application()
	listed.ID, listed.Name, listed.Distribution, listed.DisabledAt = "app_2", "", "listed", atNoon
	public.AuthMethod, public.Distribution, public.Impersonates = "none", "private", true
	odd.AuthMethod = "private_key_jwt"
	page := ApplicationPage{Shell: shell, Now: atNoon, Application: app, Requests: 100, Errors: 2, Refused: 3, Contract: "hubspot", Redirect: app.RedirectURIs[0], Chosen: []string{"content:write"}, Link: "https://id.example/oauth/authorize?x=y", Secrets: []AppSecret{
		{ID: "s1", LastFour: "abcd", State: "active", CreatedAt: atNoon}, {ID: "s2", LastFour: "efgh", State: "pending", CreatedAt: atNoon, ExpiresAt: atNoon}, {ID: "s3", State: "retiring"}, {ID: "s4", State: "expired"}, {ID: "s5", State: "ended"},
	}}
	turning, over := page, page
	turning.Turning = &Turning{ID: "r1", Base: "/panel/w/ws1/applications/app_1/rotations", State: "pending"}
	over.Application, over.Redirect, over.Secrets = listed, "", nil
	return []sample{
		of("applications", (*Set).ApplicationList, ApplicationList{Shell: shell, Now: atNoon, Items: []Application{app, listed, public}, Pager: Pager{Next: "/panel/w/ws1/applications?after=x"}}),
		of("applications_none", (*Set).ApplicationList, ApplicationList{Shell: shell}),
		of("application_new", (*Set).ApplicationForm, ApplicationForm{Shell: shell, Application: Application{Grants: []string{"authorization_code"}, AuthMethod: "client_secret_basic", Distribution: "private"}}),
		of("application_edit", (*Set).ApplicationForm, ApplicationForm{Shell: shell, Application: odd, Wrong: Wrong{Fields: map[string]string{"redirect_uris": "is not https", "grant_types": "is not served"}}}),
		of("application_secret", (*Set).ApplicationSecret, ApplicationSecret{Shell: shell, ID: "app_1", Secret: "fic_sec_x"}),
		of("application_secret_beside", (*Set).ApplicationSecret, ApplicationSecret{Shell: shell, ID: "app_1", Secret: "fic_sec_x", Beside: true}),
		of("application", (*Set).ApplicationPage, page), of("application_turning", (*Set).ApplicationPage, turning), of("application_over", (*Set).ApplicationPage, over),
		of("application_public", (*Set).ApplicationPage, ApplicationPage{Shell: shell, Now: atNoon, Application: public}),
	}
}

func hostileApplications(shell Shell) []sample {
	words := []string{hostile}
	a := Application{ID: hostile, Name: hostile, Description: hostile, AuthMethod: hostile, Grants: words, RedirectURIs: words, Scopes: words, Optional: words, Distribution: hostile, Workspaces: words, InstallableBy: hostile, AccessTTL: hostile}
	return []sample{
		of("applications", (*Set).ApplicationList, ApplicationList{Shell: shell, Items: []Application{a}}),
		of("application_form", (*Set).ApplicationForm, ApplicationForm{Shell: shell, Application: a}),
		of("application_secret", (*Set).ApplicationSecret, ApplicationSecret{Shell: shell, ID: hostile, Secret: hostile}),
		of("application", (*Set).ApplicationPage, ApplicationPage{Shell: shell, Application: a, Redirect: hostile, Link: hostile, Secrets: []AppSecret{{ID: hostile, LastFour: hostile, State: "active"}}}),
	}
}
