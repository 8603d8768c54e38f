package main

import (
	"strings"
	"testing"
	"time"
)

func TestASpanIsWrittenAsInTheResourcesFile(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"3600": time.Hour, "90m": 90 * time.Minute, "1h30m": 90 * time.Minute, "30d": 30 * 24 * time.Hour, "1s": time.Second,
		"": 0, "0": 0, "0d": 0, "-1h": 0, "1ms": 0, "d": 0, "30D": 0, "soon": 0, "106751d": 106751 * 24 * time.Hour, "106752d": 0, "9999999999999999999": 0,
	} {
		var s span
		err := s.UnmarshalText([]byte(text))
		if time.Duration(s) != want || (err == nil) != (want > 0) {
			t.Errorf("%q is %v (%v), want %v", text, time.Duration(s), err, want)
		}
		if err != nil && !strings.Contains(err.Error(), "write it as") {
			t.Errorf("%q: %v does not say what to do", text, err)
		}
	}
}
