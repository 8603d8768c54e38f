package bench

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// asBare makes this test binary the bare handler's process.
const asBare = "FICHA_TEST_BARE"

// TestMain runs the benchmarks, or the bare handler that they are held against.
func TestMain(m *testing.M) {
	if os.Getenv(asBare) == "" {
		os.Exit(m.Run())
	}
	fmt.Fprintln(os.Stderr, serveBare())
	os.Exit(1)
}

// serveBare reads a form and answers 200 bytes of JSON, with the bounds that
// our server has (internal/web/server.go) and nothing else.
func serveBare() error {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	body := []byte(`{"active":true,"scope":"` + strings.Repeat("x", 200-26) + `"}`)
	server := &http.Server{
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 90 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.PostFormValue("token") == "" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body) // the caller looks at what came
		}),
	}
	return server.Serve(l)
}
