// Shop is the sample application that the lab delivers over and over.
//
// What it does wrong is decided by its environment, which an image variant carries in its own configuration, so one
// Deployment manifest runs every variant. On SIGTERM it exits at once, on purpose: many applications do, and a
// delivery that loses users' requests because of it should be seen.
package main

import (
	"encoding/json"
	"hash/fnv"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const usualPort = "9898"

// behaviour is what the environment asks of this process.
type behaviour struct {
	version     string
	pod         string
	failPercent float64
	flagFails   float64
	flag        *flag
	delay       time.Duration
	neverReady  bool
	crashAfter  time.Duration
	crashes     bool
}

func main() {
	exitAtOnceOnTerm()
	wanted := behaviourFromEnvironment()
	if wanted.crashes {
		time.AfterFunc(wanted.crashAfter, func() {
			log.Printf("crashing after %s, as CRASH_AFTER_MS asks", wanted.crashAfter)
			os.Exit(1)
		})
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = usualPort
	}
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		log.Fatalf("cannot listen on port %s: %v", port, err)
	}
	log.Printf("shop %s serves on port %s", wanted.version, port)
	log.Fatal(http.Serve(listener, routes(wanted)))
}

// exitAtOnceOnTerm ends the process without waiting for requests under way. As process 1 of a container it would
// otherwise not be ended by the signal at all.
func exitAtOnceOnTerm() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-stop
		os.Exit(0)
	}()
}

func behaviourFromEnvironment() behaviour {
	pod, err := os.Hostname()
	if err != nil {
		pod = "unknown"
	}
	crashAfter, crashes := milliseconds("CRASH_AFTER_MS")
	delay, _ := milliseconds("DELAY_MS")
	return behaviour{
		version:     os.Getenv("VERSION"),
		pod:         pod,
		failPercent: number("FAIL_PERCENT"),
		flagFails:   number("FLAG_FAIL_PERCENT"),
		flag:        flagFromEnvironment(),
		delay:       delay,
		neverReady:  os.Getenv("READY") == "never",
		crashAfter:  crashAfter,
		crashes:     crashes,
	}
}

func seedOf(parts ...string) uint64 {
	hash := fnv.New64a()
	for _, part := range parts {
		hash.Write([]byte(part + "/"))
	}
	return hash.Sum64()
}

func milliseconds(name string) (time.Duration, bool) {
	return time.Duration(number(name) * float64(time.Millisecond)), os.Getenv(name) != ""
}

func number(name string) float64 {
	text := os.Getenv(name)
	if text == "" {
		return 0
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || value < 0 {
		log.Fatalf("%s=%q is not a number of 0 or more", name, text)
	}
	return value
}

func routes(wanted behaviour) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if wanted.neverReady {
			http.Error(w, "this version never becomes ready", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusOK)
	})
	served := &requests{}
	mux.Handle("GET /metrics", served)
	mux.Handle("/", userRequests(wanted, served))
	return mux
}

// userRequests fails the asked share of requests in an order that is the same for the same version in the same pod. Two
// pods must not fail alike: their failures would come in pairs, and five measurements of one order were one measurement.
func userRequests(wanted behaviour, served *requests) http.HandlerFunc {
	var lock sync.Mutex
	dice := rand.New(rand.NewPCG(seedOf(wanted.version, wanted.pod), 1))
	fails := func(feature bool) bool {
		lock.Lock()
		defer lock.Unlock()
		share := wanted.failPercent
		if feature {
			share += wanted.flagFails
		}
		return dice.Float64()*100 < share
	}
	body, err := json.Marshal(map[string]string{"version": wanted.version, "pod": wanted.pod})
	if err != nil {
		log.Fatalf("cannot encode the answer: %v", err)
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(wanted.delay)
		w.Header().Set("X-Version", wanted.version)
		w.Header().Set("Content-Type", "application/json")
		feature, status := wanted.flag.enabled(), http.StatusOK
		if fails(feature) {
			status = http.StatusInternalServerError
		}
		served.count(feature, status)
		w.WriteHeader(status)
		if _, err := w.Write(body); err != nil {
			log.Printf("the answer could not be written: %v", err)
		}
	}
}
