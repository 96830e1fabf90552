package rule

// Case is a test of a file's rules: what the signals show, second by second, and what the rules must say.
type Case struct {
	Name string `yaml:"name"`
}
