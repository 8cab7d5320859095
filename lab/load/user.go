package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// user sends single requests over a pool of kept-alive connections, as a browser or a client library does.
type user struct {
	client  *http.Client
	url     string
	host    string
	timeout time.Duration
}

func newUser(asked options) *user {
	transport := &http.Transport{
		MaxIdleConns:        asked.inFlight,
		MaxIdleConnsPerHost: asked.inFlight,
		IdleConnTimeout:     30 * time.Second,
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &user{
		client:  &http.Client{Transport: transport, CheckRedirect: stay},
		url:     asked.url,
		host:    asked.host,
		timeout: asked.timeout,
	}
}

// visit sends one request, once. Time counts from the instant it was due, so that a late start is not hidden.
func (u *user) visit(scheduled time.Time) line {
	result := line{T: unixSeconds(scheduled)}
	status, version, err := u.get()
	result.Ms = float64(time.Since(scheduled).Microseconds()) / 1000
	result.Status, result.Version = status, version
	if err != nil {
		result.Error = reason(err)
	}
	return result
}

func (u *user) get() (int, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), u.timeout)
	defer cancel()
	// Go's client sends a GET again by itself when a kept-alive connection breaks. A body that it cannot replay
	// forbids that; as it is empty, nothing of it goes over the wire.
	empty := io.NopCloser(io.MultiReader(bytes.NewReader(nil)))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.url, empty)
	if err != nil {
		return 0, "", err
	}
	if u.host != "" {
		request.Host = u.host
	}
	response, err := u.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, response.Header.Get("X-Version"), err
}

func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "timeout"
	}
	return err.Error()
}
