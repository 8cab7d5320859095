package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"
)

// line is what one user's request got. A request without an answer has status 0 and an error.
type line struct {
	T       float64 `json:"t"`
	Ms      float64 `json:"ms"`
	Status  int     `json:"status"`
	Version string  `json:"version"`
	Error   string  `json:"error"`
}

// record writes lines to a file that others read while it grows.
type record struct {
	lock   sync.Mutex
	file   *os.File
	buffer *bufio.Writer
	failed error
	done   chan struct{}
}

const flushEvery = 50 * time.Millisecond

func openRecord(path string) (*record, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("cannot write the results: %w", err)
	}
	r := &record{file: file, buffer: bufio.NewWriterSize(file, 1<<16), done: make(chan struct{})}
	go r.flushForEver()
	return r, nil
}

func (r *record) add(result line) {
	text, err := json.Marshal(result)
	r.lock.Lock()
	defer r.lock.Unlock()
	if err == nil {
		_, err = r.buffer.Write(append(text, '\n'))
	}
	r.keep(err)
}

func (r *record) flushForEver() {
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-r.done:
			return
		case <-ticker.C:
			r.lock.Lock()
			r.keep(r.buffer.Flush())
			r.lock.Unlock()
		}
	}
}

// keep remembers the first failure: results that were lost must not pass for a quiet application.
func (r *record) keep(err error) {
	if r.failed == nil && err != nil {
		r.failed = err
	}
}

func (r *record) close() error {
	close(r.done)
	r.lock.Lock()
	defer r.lock.Unlock()
	r.keep(r.buffer.Flush())
	r.keep(r.file.Close())
	if r.failed != nil {
		return fmt.Errorf("results were lost: %w", r.failed)
	}
	return nil
}
