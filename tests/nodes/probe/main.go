// Command probe is both ends of the traffic of the tests.
//
//	probe serve          answers at :8080 with the name of its host; /burn?ms=20 keeps a CPU busy for that long first,
//	                     /metrics tells how often it has answered, for Prometheus
//	probe get URL        writes the answer; ends with an error when none comes within two seconds
//	probe count URL N [METHOD [NAME=VALUE ...]]
//	                     asks N times and writes how often it got each answer: number, status, text; behind the method
//	                     (GET when there is none) come headers
//	probe load URL       asks all the time, twice at once, until it is told to end
//	probe steady URL MS  asks every so many milliseconds until it is told to end; writes what is no good answer, and every
//	                     second how many there were
//	probe wait           does nothing until it is told to end
//	probe write FILE     writes a file, for volumes
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const patience = 2 * time.Second

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "serve":
		return serve()
	case len(arguments) == 1 && arguments[0] == "wait":
		return wait()
	case len(arguments) == 2 && arguments[0] == "get":
		return get(arguments[1])
	case len(arguments) >= 3 && arguments[0] == "count":
		return count(arguments[1], arguments[2], arguments[3:])
	case len(arguments) == 3 && arguments[0] == "steady":
		return steady(arguments[1], arguments[2])
	case len(arguments) == 2 && arguments[0] == "load":
		return load(arguments[1])
	case len(arguments) == 2 && arguments[0] == "write":
		return os.WriteFile(arguments[1], []byte("kept\n"), 0o600)
	default:
		return fmt.Errorf("usage: probe serve | get URL | count URL N [METHOD [NAME=VALUE ...]] | load URL | steady URL MS |" +
			" write FILE | wait")
	}
}

func serve() error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	http.HandleFunc("/burn", func(answer http.ResponseWriter, request *http.Request) {
		milliseconds, _ := strconv.Atoi(request.URL.Query().Get("ms"))
		for end := time.Now().Add(time.Duration(milliseconds) * time.Millisecond); time.Now().Before(end); {
		}
		fmt.Fprintln(answer, host)
	})
	var answers atomic.Int64
	http.HandleFunc("/", func(answer http.ResponseWriter, _ *http.Request) {
		answers.Add(1)
		fmt.Fprintln(answer, host)
	})
	http.HandleFunc("/metrics", func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(answer, "# TYPE http_requests_total counter\nhttp_requests_total{code=\"200\"} %d\n", answers.Load())
	})
	fmt.Println("serving")
	return http.ListenAndServe(":8080", nil)
}

// load opens a connection for every question, so that a service spreads them.
func load(url string) error {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	for range 2 {
		go func() {
			for {
				answer, err := client.Get(url)
				if err != nil {
					time.Sleep(patience / 10)
					continue
				}
				answer.Body.Close()
			}
		}()
	}
	return wait()
}

func count(url, number string, further []string) error {
	times, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	request, err := question(url, further)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: patience}
	answers := map[string]int{}
	for range times {
		answers[ask(client, request)]++
	}
	for answer, often := range answers {
		fmt.Println(often, answer)
	}
	return nil
}

// steady keeps asking at a pace that slow answers do not change.
func steady(url, milliseconds string) error {
	every, err := strconv.Atoi(milliseconds)
	if err != nil {
		return err
	}
	request, err := question(url, nil)
	if err != nil {
		return err
	}
	// What is only slow, on a loaded machine, is no bad answer.
	client := &http.Client{Timeout: 5 * patience}
	var good, bad atomic.Int64
	go func() {
		for range time.Tick(time.Second) {
			fmt.Printf("good %d bad %d\n", good.Load(), bad.Load())
		}
	}()
	go func() {
		for range time.Tick(time.Duration(every) * time.Millisecond) {
			go func() {
				if answer := ask(client, request); strings.HasPrefix(answer, "200 ") {
					good.Add(1)
				} else {
					bad.Add(1)
					fmt.Println(time.Now().UTC().Format(time.TimeOnly), answer)
				}
			}()
		}
	}()
	return wait()
}

// question is a request without a body. further: its method, and its headers.
func question(url string, further []string) (*http.Request, error) {
	method := http.MethodGet
	if len(further) > 0 {
		method, further = further[0], further[1:]
	}
	request, err := http.NewRequest(method, url, nil)
	if err != nil {
		return nil, err
	}
	for _, header := range further {
		name, value, _ := strings.Cut(header, "=")
		request.Header.Add(name, value)
	}
	return request, nil
}

// ask gives the status and the text of an answer in one line; 0 and the reason where there is none.
func ask(client *http.Client, request *http.Request) string {
	answer, err := client.Do(request.Clone(context.Background()))
	if err != nil {
		return fmt.Sprintf("0 %v", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Sprintf("0 %v", err)
	}
	return fmt.Sprintf("%d %s", answer.StatusCode, strings.Join(strings.Fields(string(body)), " "))
}

func wait() error {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	<-told
	return nil
}

func get(url string) error {
	client := &http.Client{Timeout: patience}
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(os.Stdout, answer.Body)
	return err
}
