package main

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/snakectl/snakectl/internal/pool"
)

// logHandler is the supervisor's own log, whose level and form follow the settings
// while it runs. Loggers that were made from it before follow too.
type logHandler struct {
	current *atomic.Pointer[logSink]
	// with is what this handler adds to the sink: attributes and groups, in order.
	with []func(slog.Handler) slog.Handler
}

// logSink is where records go, and from which level on.
type logSink struct {
	handler slog.Handler
	level   slog.Level
	out     io.Writer
}

func newLogHandler(out io.Writer) *logHandler {
	h := &logHandler{current: &atomic.Pointer[logSink]{}}
	h.current.Store(&logSink{handler: slog.NewTextHandler(out, nil), out: out})
	return h
}

// take takes up the settings.
func (h *logHandler) take(settings pool.Settings) {
	now := h.current.Load()
	next := &logSink{out: now.out}
	if next.level.UnmarshalText([]byte(settings.Log.Level)) != nil {
		next.level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: next.level}
	if settings.Log.Format == "json" {
		next.handler = slog.NewJSONHandler(now.out, options)
	} else {
		next.handler = slog.NewTextHandler(now.out, options)
	}
	h.current.Store(next)
}

// Enabled implements slog.Handler.
func (h *logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.current.Load().level
}

// Handle implements slog.Handler.
func (h *logHandler) Handle(ctx context.Context, record slog.Record) error {
	handler := h.current.Load().handler
	for _, add := range h.with {
		handler = add(handler)
	}
	return handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.adding(func(to slog.Handler) slog.Handler { return to.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (h *logHandler) WithGroup(name string) slog.Handler {
	return h.adding(func(to slog.Handler) slog.Handler { return to.WithGroup(name) })
}

func (h *logHandler) adding(add func(slog.Handler) slog.Handler) slog.Handler {
	with := append(slices.Clip(h.with), add)
	return &logHandler{current: h.current, with: with}
}
