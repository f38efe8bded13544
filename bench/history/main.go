// Command history writes the past into a Prometheus: blocks of samples for the series that a
// description names, with the shape that the product's own have.
//
//	history -description <file> -out <directory>
//
// The same description makes the same samples.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

// Description is what there is to write; times are in milliseconds since 1970.
type Description struct {
	Start     int64    `json:"start_ms"`
	End       int64    `json:"end_ms"`
	BlockSpan int64    `json:"block_ms"`
	Streams   []Stream `json:"streams"`
}

// Stream is one set of labels of one metric: a single series, or those of a histogram.
type Stream struct {
	Name   string            `json:"name"`
	Kind   string            `json:"kind"` // counter, gauge or histogram
	Labels map[string]string `json:"labels"`
	// Interval is the time between two samples, of which each may come up to Jitter late.
	Interval int64 `json:"interval_ms"`
	Jitter   int64 `json:"jitter_ms"`
	// Rate is how many events there are a second over a day: what counters and histograms count.
	Rate float64 `json:"per_second"`
	// Amount is what one event adds, a histogram's median value, or a gauge's level.
	Amount  float64   `json:"amount"`
	Buckets []float64 `json:"buckets"`
}

func main() {
	description := flag.String("description", "", "the file that says what to write")
	out := flag.String("out", "", "the directory to write blocks into")
	flag.Parse()
	if err := write(*description, *out); err != nil {
		fmt.Fprintln(os.Stderr, "history:", err)
		os.Exit(1)
	}
}

func write(description, out string) error {
	text, err := os.ReadFile(description)
	if err != nil {
		return err
	}
	var wanted Description
	if err := json.Unmarshal(text, &wanted); err != nil {
		return err
	}
	recorders, err := newRecorders(wanted.Streams)
	if err != nil {
		return err
	}
	blocks, err := newBlocks(out, recorders)
	if err != nil {
		return err
	}
	for from := wanted.Start; from < wanted.End; {
		// Blocks begin at multiples of their span, as Prometheus's own do.
		to := min((from/wanted.BlockSpan+1)*wanted.BlockSpan, wanted.End)
		if err := blocks.write(context.Background(), from, to); err != nil {
			return err
		}
		from = to
	}
	return json.NewEncoder(os.Stdout).Encode(blocks.written)
}
