// A stand-in for the data plane of a thousand services: it counts the requests that their routes would have had and
// serves them as Envoy does behind Contour, so that a real Prometheus can scrape them and sluice can judge by them.
//
// The weights are those of the HTTPRoutes in the cluster, watched; how many requests fail is set over HTTP:
//
//	PUT /errors {"<namespace>_<service>": 0.05}    the share of the canary's requests that fail from now on
//	GET /stats/prometheus                          the series
//
// With --accept it also says Accepted for the routes of one Gateway, in the place of that Gateway's controller.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:19191", "address to serve on")
	rate := flag.Float64("rate", 20, "requests per second to each service")
	background := flag.Float64("background", 0, "share of failing requests where nothing else was set")
	prefix := flag.String("namespaces", "", "only namespaces whose names begin with this")
	seed := flag.Uint64("seed", 1, "of the random numbers")
	accept := flag.String("accept", "", "namespace/name of a Gateway whose routes are accepted here")
	var cluster Cluster
	flag.StringVar(&cluster.Server, "server", "", "URL of the API server")
	flag.StringVar(&cluster.Authority, "certificate-authority", "", "file")
	flag.StringVar(&cluster.Certificate, "client-certificate", "", "file")
	flag.StringVar(&cluster.Key, "client-key", "", "file")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	client, err := cluster.Client()
	if err != nil {
		log.Fatal(err)
	}
	traffic := NewTraffic(*rate, *background, *seed)
	acceptor := NewAcceptor(client, cluster.Server, *accept)
	go acceptor.Run(ctx)
	go Follow(ctx, client, cluster.Server, *prefix, func(route Route) {
		traffic.Take(route, time.Now())
		acceptor.Take(route)
	})

	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats/prometheus", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		w.Write(traffic.Render(time.Now()))
	})
	mux.HandleFunc("PUT /errors", func(w http.ResponseWriter, r *http.Request) {
		var shares map[string]float64
		if err := json.NewDecoder(r.Body).Decode(&shares); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		traffic.Fail(shares, time.Now())
	})
	server := &http.Server{Addr: *listen, Handler: mux}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
}
