package authority

// SwitchOne is how a run suspends or resumes one token of a page.
var SwitchOne = switchOne
