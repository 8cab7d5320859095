// Load plays the users of an application: it sends requests on a fixed schedule, whether or not earlier ones have
// been answered (an open loop), and writes down what each of them got.
//
// A closed loop would slow down exactly when the application is bad, and so hide the harm. For the same reason
// nothing is retried, and a request that could not be sent because too many were under way counts as failed.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

type options struct {
	url      string
	host     string
	rate     float64
	out      string
	duration time.Duration
	inFlight int
	timeout  time.Duration
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(2)
	}
}

func run() error {
	asked, err := parseOptions()
	if err != nil {
		return err
	}
	record, err := openRecord(asked.out)
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if asked.duration > 0 {
		ctx, cancel = context.WithTimeout(ctx, asked.duration)
		defer cancel()
	}
	sendOnSchedule(ctx, asked, newUser(asked), record)
	return record.close()
}

func parseOptions() (options, error) {
	var asked options
	flag.StringVar(&asked.url, "url", "", "where to send requests; a loopback address")
	flag.StringVar(&asked.host, "host", "", "Host header, when it differs from the address")
	flag.Float64Var(&asked.rate, "rate", 100, "requests a second")
	flag.StringVar(&asked.out, "out", "", "file that gets one JSON line per request")
	flag.DurationVar(&asked.duration, "duration", 0, "stop by itself after this long; 0 goes on until SIGTERM")
	flag.IntVar(&asked.inFlight, "in-flight", 1000, "requests under way at most; one beyond it counts as failed")
	flag.DurationVar(&asked.timeout, "timeout", 5*time.Second, "how long a user waits for an answer")
	flag.Parse()
	if asked.out == "" {
		return asked, fmt.Errorf("--out is missing")
	}
	if asked.rate <= 0 || asked.rate > 20000 || asked.inFlight < 1 || asked.timeout <= 0 {
		return asked, fmt.Errorf("--rate, --in-flight and --timeout must be above 0, --rate at most 20000")
	}
	return asked, onlyLoopback(asked.url)
}

// onlyLoopback keeps a slip of the hand from loading somebody's real service.
func onlyLoopback(target string) error {
	parsed, err := url.Parse(target)
	if err != nil || parsed.Scheme != "http" || parsed.Hostname() == "" {
		return fmt.Errorf("--url %q is not an http address", target)
	}
	address := net.ParseIP(parsed.Hostname())
	if address == nil || !address.IsLoopback() {
		return fmt.Errorf("--url %q is refused: load goes to a loopback IP address only", target)
	}
	return nil
}

// sendOnSchedule starts request n at start + n/rate, and returns when the last one has been answered or given up.
func sendOnSchedule(ctx context.Context, asked options, visitor *user, record *record) {
	var underWay sync.WaitGroup
	places := make(chan struct{}, asked.inFlight)
	start := time.Now()
	for n := 0; ; n++ {
		scheduled := start.Add(time.Duration(float64(n) / asked.rate * float64(time.Second)))
		if !sleepUntil(ctx, scheduled) {
			break
		}
		select {
		case places <- struct{}{}:
		default:
			record.add(line{T: unixSeconds(scheduled), Error: "too many requests under way"})
			continue
		}
		underWay.Add(1)
		go func() {
			defer underWay.Done()
			record.add(visitor.visit(scheduled))
			<-places
		}()
	}
	underWay.Wait()
}

func sleepUntil(ctx context.Context, when time.Time) bool {
	if ctx.Err() != nil {
		return false
	}
	wait := time.Until(when)
	if wait <= 0 {
		return true
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(wait):
		return true
	}
}

func unixSeconds(when time.Time) float64 {
	return float64(when.UnixMicro()) / 1e6
}
