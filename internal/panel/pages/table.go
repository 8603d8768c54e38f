package pages

// A Table is rows of one kind; the template "table" writes it, and on a narrow
// screen each row as a card. Its words are in the reader's language already.
type Table struct {
	Caption string // what the rows are, how many, in which order
	Heads   []Head
	Rows    [][]Cell // each as long as Heads
	Pager   Pager
	Empty   Empty // written in its place where there are no rows
}

// A Head is the head of a column.
type Head struct {
	Text   string
	Unseen bool   // for who hears the page alone, as above buttons
	Href   string // sorts by the column
	Sorted string // ascending or descending, where the rows are in its order
}

// A Cell is what a row says in one column. Any of its parts may be missing.
type Cell struct {
	Text  string
	Lang  string // of Text and Note; empty: the page's
	Href  string // makes a link of Text
	Code  bool   // Text is an id or the like
	When  *Moment
	Chips []Chip
	Note  string // a quieter line beneath
	Aside string // the language of Note; empty: that of the rest
	Ask   []Confirm
	Pick  *Pick
}

// A Pick is a box by which a row is chosen for a form that stands elsewhere on
// the page.
type Pick struct {
	ID, Name, Value string
	Form            string // its id
	Label           string // heard, not seen
	Chosen          bool
}

// A Chip is a word in a box: a scope, a state. The word says it all; the tone
// is seen by some people only.
type Chip struct {
	Text  string
	Tone  string // good, warn, bad or empty
	Title string // what to do about it
}

// A Pager leads through a list that is read by its key. Said counts what is
// known without reading it all.
type Pager struct {
	Said  string
	First string // back to the beginning; empty on the first page
	Next  string // empty on the last page
}

// Empty is what stands where a list has no rows: that there is nothing yet,
// that nothing matches, or who may look; and what to do.
type Empty struct {
	Text       string
	Href, Link string
	Code       string // a command that would make the first row
}

// A Labelled is a cell with the head of its column, for narrow screens.
type Labelled struct {
	Label string
	Cell  Cell
}

// Lines returns the rows with each cell's head beside it.
func (t Table) Lines() [][]Labelled {
	lines := make([][]Labelled, len(t.Rows))
	for i, row := range t.Rows {
		for j, cell := range row {
			lines[i] = append(lines[i], Labelled{t.Heads[j].Text, cell})
		}
	}
	return lines
}
