// Copyright (c) 2026 The servicemesh.platform authors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Program xds plays many sidecars towards istiod: each takes clusters, listeners and one route configuration,
// acknowledges everything, and writes a line when the weight of a backend changes. There is no Envoy behind it.
//
//	xds ADDRESS NAMESPACE CLIENTS ROUTES BACKEND
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	prefix      = "type.googleapis.com/envoy.config."
	clusters    = prefix + "cluster.v3.Cluster"
	listeners   = prefix + "listener.v3.Listener"
	routes      = prefix + "route.v3.RouteConfiguration"
	perChannel  = 50
	maxResponse = 64 << 20
	// istiod takes so many new clients a second and no more (PILOT_MAX_REQUESTS_PER_SECOND, by its CPUs).
	pace = time.Second / 15
)

type setup struct {
	address, namespace, routes, backend string
}

// lines are written whole, one at a time.
type lines struct {
	sync.Mutex
	out *bufio.Writer
}

func (l *lines) write(client int, weight uint32, at time.Time) {
	l.Lock()
	defer l.Unlock()
	fmt.Fprintf(l.out, "%d %d %.6f\n", client, weight, float64(at.UnixMicro())/1e6)
	l.out.Flush()
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 6 {
		log.Fatal("usage: xds ADDRESS NAMESPACE CLIENTS ROUTES BACKEND")
	}
	number, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	given := setup{os.Args[1], os.Args[2], os.Args[4], os.Args[5]}
	out := &lines{out: bufio.NewWriter(os.Stdout)}
	var channel *grpc.ClientConn
	for client := range number {
		if client%perChannel == 0 {
			channel = dial(given.address)
		}
		go run(given, channel, client, out)
		time.Sleep(pace)
	}
	select {}
}

func dial(address string) *grpc.ClientConn {
	plain := grpc.WithTransportCredentials(insecure.NewCredentials())
	channel, err := grpc.NewClient(address, plain, grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxResponse)))
	if err != nil {
		log.Fatal(err)
	}
	return channel
}

// run ends the program when istiod ends the stream: figures of fewer clients would be none.
func run(given setup, channel *grpc.ClientConn, client int, out *lines) {
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(channel).DeltaAggregatedResources(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	node := node(given.namespace, client)
	for _, request := range []*discovery.DeltaDiscoveryRequest{
		{Node: node, TypeUrl: clusters},
		{TypeUrl: listeners},
		{TypeUrl: routes, ResourceNamesSubscribe: []string{given.routes}},
	} {
		send(stream, request)
	}
	var known uint32
	for {
		response, err := stream.Recv()
		if err != nil {
			log.Fatalf("client %d: %v", client, err)
		}
		at := time.Now()
		send(stream, &discovery.DeltaDiscoveryRequest{TypeUrl: response.TypeUrl, ResponseNonce: response.Nonce})
		if response.TypeUrl != routes {
			continue
		}
		if weight := weightIn(response, given.backend); weight != 0 && weight != known {
			known = weight
			out.write(client, weight, at)
		}
	}
}

func send(stream discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesClient, request *discovery.DeltaDiscoveryRequest) {
	if err := stream.Send(request); err != nil {
		log.Fatal(err)
	}
}

func node(namespace string, client int) *core.Node {
	name := fmt.Sprintf("client-%d", client)
	address := fmt.Sprintf("10.9.%d.%d", client/250, client%250+1)
	metadata, err := structpb.NewStruct(map[string]any{
		"NAMESPACE": namespace, "ISTIO_VERSION": "1.31.0", "CLUSTER_ID": "Kubernetes", "INSTANCE_IPS": address,
		"GENERATOR": "",
	})
	if err != nil {
		log.Fatal(err)
	}
	id := strings.Join([]string{"sidecar", address, name + "." + namespace, namespace + ".svc.cluster.local"}, "~")
	return &core.Node{Id: id, Metadata: metadata}
}

func weightIn(response *discovery.DeltaDiscoveryResponse, backend string) uint32 {
	for _, resource := range response.Resources {
		config := &route.RouteConfiguration{}
		if err := resource.Resource.UnmarshalTo(config); err != nil {
			log.Fatal(err)
		}
		for _, host := range config.VirtualHosts {
			for _, each := range host.Routes {
				for _, cluster := range each.GetRoute().GetWeightedClusters().GetClusters() {
					if strings.Contains(cluster.Name, "||"+backend+".") {
						return cluster.GetWeight().GetValue()
					}
				}
			}
		}
	}
	return 0
}
