package main

import "strings"

// browsers and systems are what a User-Agent is searched for, in this order: most
// browsers also name those that they descend from.
var (
	browsers = [][2]string{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"Chrome/", "Chrome"}, {"CriOS/", "Chrome"}, {"Safari/", "Safari"},
	}
	systems = [][2]string{
		{"iPhone", "an iPhone"}, {"iPad", "an iPad"}, {"Android", "Android"}, {"CrOS", "a Chromebook"},
		{"Windows", "Windows"}, {"Macintosh", "a Mac"}, {"Linux", "Linux"},
	}
)

// device says in plain words where a session began: "Firefox on Windows". It is one of
// a few labels and nothing that a client sends, so the list of sessions holds neither
// a fingerprint nor anybody's text.
func device(userAgent string) string {
	find := func(names [][2]string) string {
		for _, n := range names {
			if strings.Contains(userAgent, n[0]) {
				return n[1]
			}
		}
		return ""
	}
	browser, system := find(browsers), find(systems)
	switch {
	case browser == "":
		return "A program, or an unusual browser"
	case system == "":
		return browser
	}
	return browser + " on " + system
}
