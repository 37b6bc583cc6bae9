package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	workers = 8
	// Bytes of an answer that are looked at.
	textLimit = 4096
	// Different answers that are kept whole. Of more only what tells who has answered whom.
	answerLimit = 500
)

var (
	words = regexp.MustCompile(`[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?`)
	peers = regexp.MustCompile(`\bURI=spiffe://[^;,"'\s\\]+`)
)

var statusNames = []string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
	"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

// order is what to send. Times are in seconds, the rate in requests per second; 0 is as fast as answers come.
// Origins are the beginnings of the names of pods that may answer.
type order struct {
	Protocol string            `json:"protocol"`
	Host     string            `json:"host"`
	Port     int               `json:"port"`
	Path     string            `json:"path"`
	Method   string            `json:"method"`
	Headers  map[string]string `json:"headers"`
	Origins  []string          `json:"origins"`
	Requests int               `json:"requests"`
	Rate     float64           `json:"rate"`
	Patience float64           `json:"request_timeout"`
	Timeout  float64           `json:"timeout"`
}

// reply is an answer, or the reason why there is none.
type reply struct {
	Status string `json:"status"`
	Text   string `json:"text"`
	Error  string `json:"error"`
}

// report names each reply once, and for each request the number of its reply and its microseconds.
type report struct {
	Replies  []reply  `json:"replies"`
	Requests [][2]int `json:"requests"`
	Unsent   int      `json:"unsent"`

	origins []string
	numbers map[reply]int
	lock    sync.Mutex
}

func (wanted order) carryOut() *report {
	told := &report{Replies: []reply{}, Requests: [][2]int{}, origins: wanted.Origins, numbers: map[reply]int{}}
	end, cancel := context.WithTimeout(context.Background(), seconds(wanted.Timeout))
	defer cancel()
	turns := make(chan struct{})
	var atWork sync.WaitGroup
	for range workers {
		atWork.Go(func() {
			for range turns {
				began := time.Now()
				told.add(wanted.ask(), time.Since(began))
			}
		})
	}
	told.Unsent = wanted.Requests - wanted.giveTurns(end, turns)
	atWork.Wait()
	return told
}

// giveTurns tells how many were given before the end.
func (wanted order) giveTurns(end context.Context, turns chan<- struct{}) int {
	defer close(turns)
	var clock <-chan time.Time
	if wanted.Rate > 0 {
		// A clock cannot be faster than its smallest step.
		ticker := time.NewTicker(max(seconds(1/wanted.Rate), time.Nanosecond))
		defer ticker.Stop()
		clock = ticker.C
	}
	for given := range wanted.Requests {
		if clock != nil {
			select {
			case <-clock:
			case <-end.Done():
				return given
			}
		}
		select {
		case turns <- struct{}{}:
		case <-end.Done():
			return given
		}
	}
	return wanted.Requests
}

func (told *report) add(got reply, took time.Duration) {
	told.lock.Lock()
	defer told.lock.Unlock()
	if _, known := told.numbers[got]; !known && len(told.Replies) >= answerLimit {
		got.Text = told.essence(got.Text)
	}
	number, known := told.numbers[got]
	if !known {
		number = len(told.Replies)
		told.numbers[got] = number
		told.Replies = append(told.Replies, got)
	}
	told.Requests = append(told.Requests, [2]int{number, int(took.Microseconds())})
}

// essence is what the texts of the same pod have in common, however many there are: answers that hold an identifier or
// the time of their request all differ.
func (told *report) essence(text string) string {
	named := slices.DeleteFunc(words.FindAllString(text, -1), func(word string) bool {
		return !slices.ContainsFunc(told.origins, func(origin string) bool { return strings.HasPrefix(word, origin) })
	})
	if who := peers.FindAllString(text, -1); len(who) > 0 {
		named = append(named, who[len(who)-1])
	}
	return strings.Join(named, " ")
}

func (wanted order) ask() reply {
	patience, cancel := context.WithTimeout(context.Background(), seconds(wanted.Patience))
	defer cancel()
	line := &line{address: net.JoinHostPort(wanted.Host, strconv.Itoa(wanted.Port))}
	var got reply
	var err error
	if wanted.Protocol == "tcp" {
		got, err = line.speak(patience)
	} else {
		got, err = wanted.request(patience, line)
	}
	if err != nil {
		return reply{Error: reason(err, line.stands.Load())}
	}
	return got
}

func (wanted order) request(patience context.Context, line *line) (reply, error) {
	isGRPC := wanted.Protocol == "grpc"
	var body io.Reader
	if isGRPC {
		body = bytes.NewReader(make([]byte, 5)) // one empty message
	}
	request, err := http.NewRequestWithContext(patience, wanted.Method, "http://"+line.address+wanted.Path, body)
	if err != nil {
		return reply{}, err
	}
	for name, value := range wanted.Headers {
		request.Header.Set(name, value)
		if strings.EqualFold(name, "Host") {
			request.Host = value
		}
	}
	if isGRPC {
		request.Header.Set("Content-Type", "application/grpc")
		request.Header.Set("Te", "trailers")
	}
	transport := &http.Transport{DialContext: line.dial, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(wanted.Protocol == "http")
	transport.Protocols.SetUnencryptedHTTP2(wanted.Protocol != "http")
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return reply{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, textLimit))
	if err != nil {
		return reply{}, err
	}
	if isGRPC {
		return replyOfGRPC(answer)
	}
	return reply{Status: strconv.Itoa(answer.StatusCode), Text: strings.ToValidUTF8(string(text), "?")}, nil
}

// replyOfGRPC reads the status, which stands behind the messages, or in the header when there are none.
func replyOfGRPC(answer *http.Response) (reply, error) {
	_, _ = io.Copy(io.Discard, answer.Body)
	field := func(name string) string {
		if value := answer.Trailer.Get(name); value != "" {
			return value
		}
		return answer.Header.Get(name)
	}
	text := strings.TrimSpace(strings.Join([]string{field(podHeader), field(peerHeader), field("Grpc-Message")}, " "))
	number, err := strconv.Atoi(field("Grpc-Status"))
	if err != nil {
		return reply{}, fmt.Errorf("no gRPC: HTTP status %d without a status of gRPC", answer.StatusCode)
	}
	if number < 0 || number >= len(statusNames) {
		return reply{Status: strconv.Itoa(number), Text: text}, nil
	}
	return reply{Status: statusNames[number], Text: text}, nil
}

func seconds(number float64) time.Duration {
	return time.Duration(number * float64(time.Second))
}
