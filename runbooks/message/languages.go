package message

import "slices"

// languages are those that messages may be in, the first one first. Moments, durations and numbers are said in each.
var languages = []string{"fr", "en"}

// Languages are those of the scenario: those of its title, French first. All that people read is in each of them.
func (s *Scenario) Languages() []string {
	var all []string
	for _, l := range languages {
		if s.Title[l] != "" {
			all = append(all, l)
		}
	}
	return all
}

// In are the words in a language, or in the first one that there is.
func (w Words) In(language string) string {
	if w[language] != "" {
		return w[language]
	}
	for _, l := range languages {
		if w[l] != "" {
			return w[l]
		}
	}
	return ""
}

func known(language string) bool { return slices.Contains(languages, language) }

// drill is what an exercise's texts begin with. It is in the alphabet of telephones.
func drill(language string) string {
	if language == "fr" {
		return "EXERCICE - "
	}
	return "DRILL - "
}
