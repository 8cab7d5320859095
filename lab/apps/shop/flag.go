package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	usualCache  = 2 * time.Second
	longestWait = time.Second
)

// flag is a feature flag as applications have it: asked of the service every so often, and evaluated from what was
// answered last. Until the first answer it is off. With FLAG_USERS it is asked for the user of each request instead, of
// so many users: then a flag that only a part of them gets is served to that part.
type flag struct {
	key, url, token string
	cache           time.Duration
	users           int
	client          *http.Client
	on              atomic.Bool
}

// flagFromEnvironment is nil where the environment names no service: then the feature is not there.
func flagFromEnvironment() *flag {
	url := os.Getenv("FLAG_URL")
	if url == "" {
		return nil
	}
	cache, given := milliseconds("FLAG_CACHE_MS")
	if !given {
		cache = usualCache
	}
	asked := &flag{key: os.Getenv("FLAG"), url: url, token: os.Getenv("FLAG_TOKEN"), cache: cache}
	asked.users, asked.client = int(number("FLAG_USERS")), &http.Client{Timeout: longestWait}
	if asked.users == 0 {
		go asked.follow()
	}
	return asked
}

// enabled says whether the user of a request gets the feature.
func (f *flag) enabled() bool {
	if f == nil || f.users == 0 {
		return f != nil && f.on.Load()
	}
	on, err := f.ask("user-" + strconv.Itoa(rand.IntN(f.users)))
	if err != nil {
		log.Printf("flag %s counts as off: %v", f.key, err)
	}
	return on && err == nil
}

func (f *flag) follow() {
	for ; ; time.Sleep(f.cache) {
		on, err := f.ask("everybody")
		if err != nil {
			log.Printf("flag %s stays as it was: %v", f.key, err)
			continue
		}
		if f.on.Swap(on) != on {
			log.Printf("flag %s is %v", f.key, on)
		}
	}
}

// ask evaluates the flag by Flipt's API, as https://docs.flipt.io/reference/evaluation/boolean-evaluation describes it.
func (f *flag) ask(user string) (bool, error) {
	body, err := json.Marshal(map[string]any{
		"namespaceKey": "default", "flagKey": f.key, "entityId": user, "context": map[string]string{},
	})
	if err != nil {
		return false, err
	}
	request, err := http.NewRequest(http.MethodPost, f.url+"/evaluate/v1/boolean", bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+f.token)
	answer, err := f.client.Do(request)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return false, fmt.Errorf("%s answered %s", f.url, answer.Status)
	}
	var said struct {
		Enabled bool `json:"enabled"`
	}
	err = json.NewDecoder(answer.Body).Decode(&said)
	return said.Enabled, err
}
