package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

const routesPath = "/apis/gateway.networking.k8s.io/v1/httproutes"

// Cluster says how to reach the API server.
type Cluster struct{ Server, Authority, Certificate, Key string }

// Client is an HTTP client that the API server knows.
func (c Cluster) Client() (*http.Client, error) {
	authority, err := os.ReadFile(c.Authority)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
	if err != nil {
		return nil, err
	}
	trust := &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true}}, nil
}

// Route is what is needed of an HTTPRoute.
type Route struct {
	Metadata struct {
		Name, Namespace, ResourceVersion string
		Generation                       int64
	}
	Spec struct {
		ParentRefs []Parent `json:"parentRefs"`
		Rules      []struct {
			BackendRefs []struct {
				Name         string
				Port, Weight int
			} `json:"backendRefs"`
		}
	}
	Status struct{ Parents []ParentStatus }
	gone   bool
}

// Parent names a Gateway.
type Parent struct {
	Group     string `json:"group,omitempty"`
	Kind      string `json:"kind,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// ParentStatus is what a controller says of a route for one Gateway.
type ParentStatus struct {
	ParentRef      Parent      `json:"parentRef"`
	ControllerName string      `json:"controllerName"`
	Conditions     []Condition `json:"conditions"`
}

// Condition is one of metav1.
type Condition struct {
	Type               string `json:"type"`
	Status             string `json:"status"`
	Reason             string `json:"reason"`
	Message            string `json:"message"`
	ObservedGeneration int64  `json:"observedGeneration"`
	LastTransitionTime string `json:"lastTransitionTime"`
}

// Follow calls take with every route there is and with every change, until the context ends.
func Follow(ctx context.Context, client *http.Client, server, prefix string, take func(Route)) {
	for ctx.Err() == nil {
		if err := follow(ctx, client, server, prefix, take); err != nil && ctx.Err() == nil {
			log.Printf("watching routes: %v", err)
			time.Sleep(500 * time.Millisecond)
		}
	}
}

// A watch without a version begins with what is there: no list is needed before it.
func follow(ctx context.Context, client *http.Client, server, prefix string, take func(Route)) error {
	request, err := http.NewRequestWithContext(ctx, "GET", server+routesPath+"?watch=true&timeoutSeconds=3600", nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the API server answered %s", answer.Status)
	}
	decoder := json.NewDecoder(bufio.NewReaderSize(answer.Body, 1<<16))
	for {
		var event struct {
			Type   string
			Object Route
		}
		if err := decoder.Decode(&event); err != nil {
			return err
		}
		if event.Type == "ERROR" {
			return fmt.Errorf("the watch ended")
		}
		if strings.HasPrefix(event.Object.Metadata.Namespace, prefix) {
			event.Object.gone = event.Type == "DELETED"
			take(event.Object)
		}
	}
}
