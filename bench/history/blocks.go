package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/index"
)

// Written counts what was written in all.
type Written struct {
	Series  int    `json:"series"`
	Samples uint64 `json:"samples"`
	Blocks  int    `json:"blocks"`
}

// blocks writes one block after the other.
type blocks struct {
	out       string
	recorders []*recorder
	sorted    []*series
	symbols   []string
	random    *rand.ChaCha8
	written   Written
}

func newBlocks(out string, recorders []*recorder) (*blocks, error) {
	made := &blocks{out: out, recorders: recorders, random: rand.NewChaCha8([32]byte{})}
	found := map[string]struct{}{}
	for _, one := range recorders {
		for _, each := range one.series {
			made.sorted = append(made.sorted, each)
			each.labels.Range(func(l labels.Label) {
				found[l.Name], found[l.Value] = struct{}{}, struct{}{}
			})
		}
	}
	slices.SortFunc(made.sorted, func(a, b *series) int { return labels.Compare(a.labels, b.labels) })
	for symbol := range found {
		made.symbols = append(made.symbols, symbol)
	}
	slices.Sort(made.symbols)
	made.written.Series = len(made.sorted)
	return made, os.MkdirAll(out, 0o755)
}

// write makes the block of [from, to).
func (b *blocks) write(ctx context.Context, from, to int64) error {
	b.record(from, to)
	id, err := ulid.New(uint64(to), b.random)
	if err != nil {
		return err
	}
	directory := filepath.Join(b.out, id.String())
	if err := os.MkdirAll(filepath.Join(directory, "chunks"), 0o755); err != nil {
		return err
	}
	stats, err := b.fill(ctx, directory)
	if err != nil {
		return fmt.Errorf("%s: %w", directory, err)
	}
	b.written.Samples += stats.NumSamples
	b.written.Blocks++
	meta := tsdb.BlockMeta{ULID: id, MinTime: from, MaxTime: to, Stats: stats, Version: 1}
	meta.Compaction = tsdb.BlockMetaCompaction{Level: 1, Sources: []ulid.ULID{id}}
	text, err := json.Marshal(meta)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(directory, "meta.json"), text, 0o644)
}

// record lets every stream make its samples, several at a time.
func (b *blocks) record(from, to int64) {
	waiting := make(chan *recorder)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for one := range waiting {
				one.record(from, to)
			}
		})
	}
	for _, one := range b.recorders {
		waiting <- one
	}
	close(waiting)
	workers.Wait()
}

// fill writes chunks and index, which both want the series in the order of their labels.
func (b *blocks) fill(ctx context.Context, directory string) (stats tsdb.BlockStats, err error) {
	chunkFiles, err := chunks.NewWriter(filepath.Join(directory, "chunks"))
	if err != nil {
		return stats, err
	}
	defer func() { err = errors.Join(err, chunkFiles.Close()) }()
	indexFile, err := index.NewWriter(ctx, filepath.Join(directory, "index"))
	if err != nil {
		return stats, err
	}
	for _, symbol := range b.symbols {
		if err := indexFile.AddSymbol(symbol); err != nil {
			return stats, err
		}
	}
	for number, one := range b.sorted {
		if len(one.chunks) == 0 {
			continue
		}
		if err := chunkFiles.WriteChunks(one.chunks...); err != nil {
			return stats, err
		}
		reference := storage.SeriesRef(number + 1)
		if err := indexFile.AddSeries(reference, one.labels, one.chunks...); err != nil {
			return stats, err
		}
		stats.NumSeries++
		stats.NumChunks += uint64(len(one.chunks))
		for _, chunk := range one.chunks {
			stats.NumSamples += uint64(chunk.Chunk.NumSamples())
		}
	}
	stats.NumFloatSamples = stats.NumSamples
	return stats, indexFile.Close()
}
