package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	healthCheck = "/grpc.health.v1.Health/Check"
	// Names of the metadata in which a gRPC answer tells what others tell in their text.
	podHeader  = "X-Traffic-Pod"
	peerHeader = "X-Traffic-Peer"
	// The certificate of who asked, as a sidecar that ends mutual TLS hands it on.
	certificateHeader = "X-Forwarded-Client-Cert"
)

// answer is what every request is answered with. The same request gets the same answer, byte for byte.
type answer struct {
	Pod         string `json:"pod"`
	Protocol    string `json:"protocol"`
	Method      string `json:"method,omitempty"`
	Path        string `json:"path,omitempty"`
	Certificate string `json:"client_certificate,omitempty"`
}

func serve() error {
	pod, err := os.Hostname()
	if err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- serveHTTP(":"+cmp.Or(os.Getenv("PORT"), "8080"), pod) }()
	go func() { ended <- serveTCP(":"+cmp.Or(os.Getenv("TCP_PORT"), "9090"), pod) }()
	told := make(chan error)
	go func() { told <- wait() }()
	select {
	case err := <-ended:
		return err
	case err := <-told:
		return err
	}
}

func serveHTTP(address, pod string) error {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Addr:              address,
		Handler:           handler(pod),
		Protocols:         &protocols,
		ReadHeaderTimeout: 10 * time.Second,
	}
	return server.ListenAndServe()
}

func handler(pod string) http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if strings.HasPrefix(request.Header.Get("Content-Type"), "application/grpc") {
			answerGRPC(writer, request, pod)
			return
		}
		writer.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(writer).Encode(answer{
			Pod:         pod,
			Protocol:    request.Proto,
			Method:      request.Method,
			Path:        request.URL.Path,
			Certificate: request.Header.Get(certificateHeader),
		})
	})
}

// answerGRPC says that it serves, as the health check of gRPC asks, and is no more of gRPC than that.
func answerGRPC(writer http.ResponseWriter, request *http.Request, pod string) {
	writer.Header().Set("Content-Type", "application/grpc")
	writer.Header().Set("Trailer", "Grpc-Status")
	writer.Header().Set(podHeader, pod)
	writer.Header().Set(peerHeader, request.Header.Get(certificateHeader))
	if request.URL.Path != healthCheck {
		writer.Header().Set("Grpc-Status", "12")
		return
	}
	// One message of two bytes: field 1 (status), value 1 (SERVING).
	_, _ = writer.Write([]byte{0, 0, 0, 0, 2, 8, 1})
	writer.Header().Set("Grpc-Status", "0")
}

func serveTCP(address, pod string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return fmt.Errorf("TCP: %w", err)
		}
		go answerTCP(connection, pod)
	}
}

// answerTCP waits for the other side to speak: proxies that look at the first bytes expect it to.
func answerTCP(connection net.Conn, pod string) {
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := connection.Read(make([]byte, 512)); err != nil {
		return
	}
	_ = json.NewEncoder(connection).Encode(answer{Pod: pod, Protocol: "TCP"})
}
