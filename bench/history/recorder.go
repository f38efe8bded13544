package main

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
)

const (
	// As many as Prometheus puts into a chunk at this interval.
	samplesPerChunk = 120
	day             = 24 * 3600 * 1000
	hour            = 3600 * 1000
	// How far traffic rises above its average in the afternoon and falls below it at night.
	swing = 0.6
	// The spread of a histogram's values, on a logarithmic scale.
	spread = 0.9
)

// series is one series and its chunks of the block that is being written.
type series struct {
	labels labels.Labels
	chunks []chunks.Meta
	append chunkenc.Appender
	value  float64
}

// recorder makes the samples of one stream, block after block.
type recorder struct {
	stream Stream
	series []*series
	random *rand.Rand
	// The share of values up to each bucket's bound.
	shares []float64
	counts []float64
}

func newRecorders(streams []Stream) ([]*recorder, error) {
	recorders := make([]*recorder, 0, len(streams))
	for number, stream := range streams {
		made := &recorder{stream: stream, random: rand.New(rand.NewPCG(uint64(number), 0))}
		switch stream.Kind {
		case "counter", "gauge":
			made.add("", "")
		case "histogram":
			made.histogram()
		default:
			return nil, fmt.Errorf("%s: no such kind: %q", stream.Name, stream.Kind)
		}
		recorders = append(recorders, made)
	}
	return recorders, nil
}

func (r *recorder) add(suffix, bound string) {
	named := maps.Clone(r.stream.Labels)
	if named == nil {
		named = map[string]string{}
	}
	named[labels.MetricName] = r.stream.Name + suffix
	if bound != "" {
		named[labels.BucketLabel] = bound
	}
	r.series = append(r.series, &series{labels: labels.FromMap(named)})
}

// histogram adds a series for each bucket, the infinite one too, then the sum and the count.
func (r *recorder) histogram() {
	for _, bound := range r.stream.Buckets {
		r.add("_bucket", strconv.FormatFloat(bound, 'f', -1, 64))
		deviations := math.Log(bound/r.stream.Amount) / spread
		r.shares = append(r.shares, 0.5*math.Erfc(-deviations/math.Sqrt2))
	}
	r.add("_bucket", "+Inf")
	r.add("_sum", "")
	r.add("_count", "")
	r.shares = append(r.shares, 1)
	r.counts = make([]float64, len(r.shares))
}

// record makes the samples from `from` on, before `to`.
func (r *recorder) record(from, to int64) {
	for _, one := range r.series {
		one.chunks = nil
	}
	first := (from + r.stream.Interval - 1) / r.stream.Interval * r.stream.Interval
	samples := 0
	for at := first; at < to; at += r.stream.Interval {
		if samples%samplesPerChunk == 0 {
			r.cut()
		}
		samples++
		when := at
		if r.stream.Jitter > 0 {
			when = min(at+r.random.Int64N(r.stream.Jitter), to-1)
		}
		r.advance(when)
		for _, one := range r.series {
			one.append.Append(0, when, one.value)
			last := &one.chunks[len(one.chunks)-1]
			if last.MaxTime == 0 {
				last.MinTime = when
			}
			last.MaxTime = when
		}
	}
}

func (r *recorder) cut() {
	for _, one := range r.series {
		chunk := chunkenc.NewXORChunk()
		// A new chunk is always ready to be appended to.
		one.append, _ = chunk.Appender()
		one.chunks = append(one.chunks, chunks.Meta{Chunk: chunk})
	}
}

// advance brings the values to those of this moment.
func (r *recorder) advance(when int64) {
	tide := 1 + swing*math.Sin(2*math.Pi*float64(when/hour*hour%day)/day-math.Pi*3/4)
	switch r.stream.Kind {
	case "gauge":
		if r.stream.Rate > 0 {
			r.series[0].value = r.stream.Amount * tide * (0.9 + 0.2*r.random.Float64())
		} else {
			r.series[0].value = r.stream.Amount
		}
	case "counter":
		for range r.events(tide) {
			r.series[0].value += r.amount()
		}
	case "histogram":
		r.observe(r.events(tide))
	}
}

func (r *recorder) observe(events int) {
	if events == 0 {
		return
	}
	infinite := len(r.shares) - 1
	for range events {
		drawn, bucket := r.random.Float64(), 0
		for bucket < infinite && drawn > r.shares[bucket] {
			bucket++
		}
		r.counts[bucket]++
		r.series[infinite+1].value += r.stream.Amount * math.Exp(spread*r.random.NormFloat64())
	}
	cumulated := 0.0
	for bucket, count := range r.counts {
		cumulated += count
		r.series[bucket].value = cumulated
	}
	r.series[infinite+2].value = cumulated
}

// events draws how many there are in an interval: Poisson's distribution.
func (r *recorder) events(tide float64) int {
	mean := r.stream.Rate * tide * float64(r.stream.Interval) / 1000
	if mean > 30 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*r.random.NormFloat64())))
	}
	limit, product, count := math.Exp(-mean), r.random.Float64(), 0
	for product > limit {
		product *= r.random.Float64()
		count++
	}
	return count
}

// amount draws what one event adds; amounts of one and more are whole.
func (r *recorder) amount() float64 {
	switch {
	case r.stream.Amount == 1:
		return 1
	case r.stream.Amount > 1:
		return math.Round(r.stream.Amount * (0.5 + r.random.Float64()))
	}
	return r.stream.Amount * (0.5 + r.random.Float64())
}
