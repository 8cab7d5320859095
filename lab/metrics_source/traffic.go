package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Envoy's usual bounds, milliseconds, and the share of requests below each. None takes longer than 250 ms.
var bounds = []struct {
	le    string
	share float64
}{
	{"0.5", 0}, {"1", 0.01}, {"5", 0.3}, {"10", 0.6}, {"25", 0.9}, {"50", 0.97}, {"100", 0.995}, {"250", 1}, {"500", 1},
	{"1000", 1}, {"2500", 1}, {"5000", 1}, {"10000", 1}, {"30000", 1}, {"60000", 1}, {"300000", 1}, {"600000", 1},
	{"1800000", 1}, {"3600000", 1}, {"+Inf", 1},
}

// side is one backend of a service: the primary or the canary, one cluster of Envoy's.
type side struct {
	share      float64
	errors     float64
	good, bad  uint64
	xx         [2]string
	buckets    []string
	sum, count string
}

func newSide(cluster string) *side {
	h := &side{
		xx: [2]string{
			`envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="` + cluster + `"} `,
			`envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name="` + cluster + `"} `,
		},
		sum:   `envoy_cluster_upstream_rq_time_sum{envoy_cluster_name="` + cluster + `"} `,
		count: `envoy_cluster_upstream_rq_time_count{envoy_cluster_name="` + cluster + `"} `,
	}
	for _, bound := range bounds {
		line := fmt.Sprintf(`envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="%s",le="%s"} `, cluster, bound.le)
		h.buckets = append(h.buckets, line)
	}
	return h
}

type service struct {
	sides map[string]*side // by cluster name
	last  time.Time
}

// Traffic counts what the users of all services would have done.
type Traffic struct {
	mutex      sync.Mutex
	rate       float64
	background float64
	random     *rand.Rand
	services   map[string]*service
	failing    map[string]float64
}

// NewTraffic begins with no service.
func NewTraffic(rate, background float64, seed uint64) *Traffic {
	return &Traffic{
		rate:       rate,
		background: background,
		random:     rand.New(rand.NewPCG(seed, seed)),
		services:   map[string]*service{},
		failing:    map[string]float64{},
	}
}

// Take notes the weights of a route. What was served until now went by the weights of before.
func (t *Traffic) Take(route Route, now time.Time) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	key := route.Metadata.Namespace + "_" + route.Metadata.Name
	if route.gone {
		delete(t.services, key)
		return
	}
	known := t.services[key]
	if known == nil {
		known = &service{sides: map[string]*side{}, last: now}
		t.services[key] = known
	}
	t.advance(known, now)
	for _, each := range known.sides {
		each.share = 0
	}
	sum := 0
	for _, rule := range route.Spec.Rules {
		for _, backend := range rule.BackendRefs {
			sum += backend.Weight
		}
	}
	for _, rule := range route.Spec.Rules {
		for _, backend := range rule.BackendRefs {
			name := fmt.Sprintf("%s_%s_%d", route.Metadata.Namespace, backend.Name, backend.Port)
			each := known.sides[name]
			if each == nil {
				each = newSide(name)
				known.sides[name] = each
			}
			if sum > 0 {
				each.share += float64(backend.Weight) / float64(sum)
			}
			each.errors = t.background
			if failing, set := t.failing[key]; set && strings.HasSuffix(backend.Name, "-canary") {
				each.errors = failing
			}
		}
	}
}

// Fail sets the share of failing requests to the canaries of these services, from now on.
func (t *Traffic) Fail(shares map[string]float64, now time.Time) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for key, share := range shares {
		t.failing[key] = share
		known := t.services[key]
		if known == nil {
			continue
		}
		t.advance(known, now)
		for name, each := range known.sides {
			if strings.Contains(name, "-canary_") {
				each.errors = share
			}
		}
	}
}

func (t *Traffic) advance(s *service, now time.Time) {
	seconds := now.Sub(s.last).Seconds()
	s.last = now
	for _, name := range sorted(s.sides) {
		each := s.sides[name]
		wanted := t.poisson(t.rate * seconds * each.share)
		bad := t.poisson(float64(wanted) * each.errors)
		if bad > wanted {
			bad = wanted
		}
		each.bad += bad
		each.good += wanted - bad
	}
}

// poisson draws a number with this mean; large ones by the normal distribution, which is close enough there.
func (t *Traffic) poisson(mean float64) uint64 {
	if mean <= 0 {
		return 0
	}
	if mean > 50 {
		return uint64(math.Max(0, math.Round(mean+math.Sqrt(mean)*t.random.NormFloat64())))
	}
	limit, product, count := math.Exp(-mean), t.random.Float64(), uint64(0)
	for product > limit {
		product *= t.random.Float64()
		count++
	}
	return count
}

// Render gives all series as they stand now. As with Envoy a series is there from the first request that it counts.
func (t *Traffic) Render(now time.Time) []byte {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	var counters, histograms bytes.Buffer
	counters.WriteString("# TYPE envoy_cluster_upstream_rq_xx counter\n")
	histograms.WriteString("# TYPE envoy_cluster_upstream_rq_time histogram\n")
	for _, key := range sorted(t.services) {
		known := t.services[key]
		t.advance(known, now)
		for _, name := range sorted(known.sides) {
			known.sides[name].render(&counters, &histograms)
		}
	}
	histograms.WriteTo(&counters)
	return counters.Bytes()
}

func (h *side) render(counters, histograms *bytes.Buffer) {
	for i, value := range []uint64{h.good, h.bad} {
		if value > 0 {
			write(counters, h.xx[i], value)
		}
	}
	total := h.good + h.bad
	if total == 0 {
		return
	}
	for i, line := range h.buckets {
		write(histograms, line, uint64(math.Floor(bounds[i].share*float64(total))))
	}
	write(histograms, h.sum, 12*total)
	write(histograms, h.count, total)
}

func write(to *bytes.Buffer, line string, value uint64) {
	to.WriteString(line)
	to.Write(strconv.AppendUint(to.AvailableBuffer(), value, 10))
	to.WriteByte('\n')
}

func sorted[V any](of map[string]V) []string {
	keys := make([]string, 0, len(of))
	for key := range of {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
