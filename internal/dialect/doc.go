// Package dialect knows the guests: the contracts of other vendors, each a face
// of its own over the one authority. A guest reads its request, asks the
// authority, and writes its reply; what is peculiar to it stays in its files,
// and no guest knows another.
package dialect
