// Command traffic-probe is both ends of the traffic of the module traffic_probe.
//
//	traffic-probe [serve]    answers HTTP/1.1, HTTP/2 without TLS and gRPC at PORT (8080), and TCP at TCP_PORT (9090):
//	                         which pod it is, and what certificate the sidecar has seen of who asked
//	traffic-probe wait       does nothing until it is told to end
//	traffic-probe send JSON  sends requests as the JSON says (see order), and writes what became of them as JSON
//
// Every request has a connection of its own: whoever spreads connections spreads requests then, and each is independent
// of the one before it.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 0, len(arguments) == 1 && arguments[0] == "serve":
		return serve()
	case len(arguments) == 1 && arguments[0] == "wait":
		return wait()
	case len(arguments) == 2 && arguments[0] == "send":
		var wanted order
		if err := json.Unmarshal([]byte(arguments[1]), &wanted); err != nil {
			return fmt.Errorf("what is to be sent is not valid: %w", err)
		}
		return json.NewEncoder(os.Stdout).Encode(wanted.carryOut())
	default:
		return fmt.Errorf("usage: traffic-probe [serve] | wait | send JSON")
	}
}

func wait() error {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, syscall.SIGINT)
	<-told
	return nil
}
