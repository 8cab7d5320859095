package main

import (
	"fmt"
	"log"
	"net/http"
	"sync"
)

// requests counts what users got, by whether they had the feature: the label by which a FlagRollout divides them.
type requests struct {
	lock    sync.Mutex
	counted map[line]int
}

type line struct {
	variant bool
	code    int
}

func (r *requests) count(variant bool, code int) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.counted == nil {
		r.counted = map[line]int{}
	}
	r.counted[line{variant, code}]++
}

// ServeHTTP answers Prometheus. Each series is there from the start, so that its first count is seen to be one.
func (r *requests) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	r.lock.Lock()
	defer r.lock.Unlock()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	for _, variant := range []bool{false, true} {
		for _, code := range []int{http.StatusOK, http.StatusInternalServerError} {
			count := r.counted[line{variant, code}]
			_, err := fmt.Fprintf(w, "shop_requests_total{variant=\"%t\",code=\"%d\"} %d\n", variant, code, count)
			if err != nil {
				log.Printf("the metrics could not be written: %v", err)
				return
			}
		}
	}
}
