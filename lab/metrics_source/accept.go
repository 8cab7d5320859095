package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	controller = "sluice.dev/bench-acceptor"
	acceptors  = 8
)

// Acceptor says Accepted for every generation of the routes of one Gateway.
type Acceptor struct {
	client          *http.Client
	server          string
	namespace, name string
	waiting         chan Route
	mutex           sync.Mutex
	done            map[string]int64
}

// NewAcceptor accepts for the Gateway "namespace/name"; for none where that is empty.
func NewAcceptor(client *http.Client, server, gateway string) *Acceptor {
	namespace, name, _ := strings.Cut(gateway, "/")
	return &Acceptor{
		client: client, server: server, namespace: namespace, name: name,
		waiting: make(chan Route, 10000), done: map[string]int64{},
	}
}

// Take queues a route whose generation was not accepted yet.
func (a *Acceptor) Take(route Route) {
	if a.name == "" || route.gone {
		return
	}
	key := route.Metadata.Namespace + "/" + route.Metadata.Name
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.done[key] >= route.Metadata.Generation {
		return
	}
	a.done[key] = route.Metadata.Generation
	a.waiting <- route
}

// Run accepts what is queued until the context ends.
func (a *Acceptor) Run(ctx context.Context) {
	for range acceptors {
		go func() {
			for {
				select {
				case <-ctx.Done():
					return
				case route := <-a.waiting:
					if err := a.accept(ctx, route); err != nil && ctx.Err() == nil {
						log.Printf("accepting %s/%s: %v", route.Metadata.Namespace, route.Metadata.Name, err)
					}
				}
			}
		}()
	}
}

func (a *Acceptor) accept(ctx context.Context, route Route) error {
	var statuses []ParentStatus
	for _, parent := range route.Spec.ParentRefs {
		if parent.Name != a.name || parent.Namespace != a.namespace {
			continue
		}
		statuses = append(statuses, ParentStatus{parent, controller, []Condition{{
			Type: "Accepted", Status: "True", Reason: "Accepted", Message: "accepted by the bench",
			ObservedGeneration: route.Metadata.Generation,
			LastTransitionTime: time.Now().UTC().Format(time.RFC3339),
		}}})
	}
	if statuses == nil {
		return nil
	}
	body, err := json.Marshal(map[string]any{"status": map[string]any{"parents": statuses}})
	if err != nil {
		return err
	}
	path := fmt.Sprintf("%s/apis/gateway.networking.k8s.io/v1/namespaces/%s/httproutes/%s/status", a.server,
		route.Metadata.Namespace, route.Metadata.Name)
	request, err := http.NewRequestWithContext(ctx, "PATCH", path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/merge-patch+json")
	answer, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the API server answered %s", answer.Status)
	}
	return nil
}
