// Package pages knows what people see before and while they give access. Views
// go in, plain HTML comes out: no request, no storage, no script. Whatever a
// person or an app supplied is text on the page, never markup.
package pages
