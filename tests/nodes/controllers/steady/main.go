// steady serves until it is told otherwise: MODE=crash ends it, MODE=unready keeps it from saying that it is ready.
package main

import (
	"fmt"
	"net/http"
	"os"
)

var version = "unknown"

func main() {
	mode := os.Getenv("MODE")
	if mode == "crash" {
		fmt.Fprintln(os.Stderr, "there is nothing to control")
		os.Exit(3)
	}
	http.HandleFunc("/version", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, version) })
	http.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if mode == "unready" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	http.HandleFunc("/certificate", func(w http.ResponseWriter, _ *http.Request) {
		content, err := os.ReadFile("/etc/tls/tls.crt")
		fmt.Fprint(w, string(content), err)
	})
	http.HandleFunc("/write", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, os.WriteFile(r.URL.Query().Get("path"), nil, 0o600))
	})
	http.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) {
		_, err := os.Stat("/var/run/secrets/kubernetes.io/serviceaccount/token")
		fmt.Fprint(w, err == nil)
	})
	fmt.Fprintln(os.Stderr, http.ListenAndServe(":8080", nil))
	os.Exit(1)
}
