// Package panel knows the pages for people: signing in and out, the account,
// the one consent page of every contract, the set-up of an empty server, and
// the areas in which a workspace is looked after. It holds no rule of its own;
// who may do what, authority and identity decide.
//
// How to add a page to an area called inventory:
//
//  1. pages/inventory.go: a view type Inventory with a Shell, and a method
//     Inventory(w, lang, v) of Set that says its words with s.speaker(lang) and
//     ends in s.show(w, lang, "inventory", v.Shell, said, view).
//  2. pages/templates/shell/inventory.html: defines "title" and "main", with one
//     h1 of the same words. The templates of pages/templates/parts write
//     fields, errors, tables, chips, moments, pagers and dialogs.
//  3. pages/catalogue/inventory.LANG.json: its sentences, in four languages.
//  4. pages/inventory_test.go: its samples, which pages_test.go takes up in
//     samples() and hostileSamples(); every test of a page runs over them.
//  5. inventory.go here: func (p *Panel) inventory() area, named in allAreas. Its
//     routes are of p.shows and p.does, under /panel/w/{workspace}/inventory.
//     A deed ends in p.lead(c, to, pages.Saved): the next page says so.
package panel
