package main

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
)

// Addresses and ports of this side differ from request to request.
var addresses = regexp.MustCompile(`(\[[0-9a-f:]+\]|\d+\.\d+\.\d+\.\d+):\d+(->\S+)?:? ?`)

// line is one connection, and whether it ever stood: a peer that is silent is another matter than one that is not there.
type line struct {
	address string
	stands  atomic.Bool
}

func (line *line) dial(patience context.Context, network, address string) (net.Conn, error) {
	connection, err := new(net.Dialer).DialContext(patience, network, address)
	line.stands.Store(err == nil)
	return connection, err
}

// speak sends an empty line over TCP; any byte that comes back is an answer.
func (line *line) speak(patience context.Context) (reply, error) {
	connection, err := line.dial(patience, "tcp", line.address)
	if err != nil {
		return reply{}, err
	}
	defer connection.Close()
	if end, limited := patience.Deadline(); limited {
		_ = connection.SetDeadline(end)
	}
	if _, err := connection.Write([]byte("\n")); err != nil {
		return reply{}, err
	}
	text := make([]byte, textLimit)
	length, err := connection.Read(text)
	if length == 0 {
		return reply{}, err
	}
	return reply{Status: "answered", Text: strings.ToValidUTF8(string(text[:length]), "?")}, nil
}

// reason tells in a few words, the same for the same cause, why there is no answer.
func reason(err error, stands bool) string {
	var name *net.DNSError
	var network net.Error
	isTimeout := errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return "name not found"
	case errors.As(err, &name):
		return "name service does not answer"
	case isTimeout && stands:
		return "no answer in time"
	case isTimeout:
		return "no connection in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed without an answer"
	default:
		return addresses.ReplaceAllString(err.Error(), "")
	}
}
