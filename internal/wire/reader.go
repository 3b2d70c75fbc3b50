package wire

import (
	"errors"
	"io"
	"syscall"
)

const readerStart = 8 << 10 // first size of a Reader's buffer

// Reader takes frames from one connection. It allocates only when a frame is
// longer than any before. It is not safe for concurrent use.
type Reader struct {
	src   io.Reader
	buf   []byte
	begin int // of what was read and not yet returned
	end   int
	limit int

	// raw is src's descriptor, nil when it has none; attempt, dst, taken and problem
	// belong to one read of it.
	raw     syscall.RawConn
	attempt func(fd uintptr) bool
	dst     []byte
	taken   int
	problem error
}

// NewReader returns a Reader of src, which follows the preface. Until SetLimit
// is called it takes payloads of HelloPayload bytes.
func NewReader(src io.Reader) *Reader {
	r := &Reader{src: src, limit: HelloPayload}
	if sc, ok := src.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			r.raw = raw
		}
	}
	r.attempt = r.readOnce // one closure for all reads: they allocate nothing
	return r
}

// SetLimit sets the longest payload that is taken; call it after HELLO.
func (r *Reader) SetLimit(n int) { r.limit = n }

// Buffered returns how many bytes were read from the connection and not yet
// returned as frames.
func (r *Reader) Buffered() int { return r.end - r.begin }

// Unread returns a copy of the bytes that were read from the connection and not yet
// returned as frames.
func (r *Reader) Unread() []byte { return append([]byte(nil), r.buf[r.begin:r.end]...) }

// Preload puts bytes before those that the connection has. Call it before the first
// frame is read.
func (r *Reader) Preload(b []byte) { r.buf, r.begin, r.end = append([]byte(nil), b...), 0, len(b) }

// ReadFrame returns the next frame of a known type. frame is its header and
// payload, one after the other; the caller may change it in place, and it is
// valid until the next call. Frames of unknown types that are marked ignorable
// are skipped.
//
// The error is io.EOF between two frames, io.ErrUnexpectedEOF inside one, a
// *ProtocolError, or the connection's own. After a timeout ReadFrame may be
// called again and goes on where it was.
func (r *Reader) ReadFrame() (h Header, frame []byte, err error) {
	for {
		if err := r.fill(HeaderSize); err != nil {
			return Header{}, nil, err
		}
		h = ParseHeader(r.buf[r.begin:])
		if int64(h.Length) > int64(r.limit) {
			return Header{}, nil, Violation("a %s frame of %d bytes is longer than the limit of %d", h.Type, h.Length, r.limit)
		}
		if !h.Type.Known() && h.Flags&FlagIgnorable == 0 {
			return Header{}, nil, Violation("frame of unknown %s", h.Type)
		}
		n := HeaderSize + int(h.Length)
		if err := r.fill(n); err != nil {
			return Header{}, nil, err
		}
		frame = r.buf[r.begin : r.begin+n : r.begin+n]
		r.begin += n
		if h.Type.Known() {
			return h, frame, nil
		}
	}
}

// fill reads until n bytes are buffered.
func (r *Reader) fill(n int) error {
	if r.end-r.begin >= n {
		return nil
	}
	r.makeRoom(n)
	for idle := 0; r.end-r.begin < n; {
		m, err := r.read(r.buf[r.end:])
		r.end += m
		switch {
		case r.end-r.begin >= n:
			return nil
		case errors.Is(err, io.EOF) && r.end > r.begin:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		case m > 0:
			idle = 0
		default:
			if idle++; idle == 100 {
				return io.ErrNoProgress
			}
		}
	}
	return nil
}

// read reads what there is, waiting for the first byte.
func (r *Reader) read(dst []byte) (int, error) {
	if r.raw == nil {
		return r.src.Read(dst)
	}
	return r.readRaw(dst)
}

// readRaw is read on a descriptor.
func (r *Reader) readRaw(dst []byte) (int, error) {
	r.dst, r.taken, r.problem = dst, 0, nil
	err := r.raw.Read(r.attempt)
	r.dst = nil
	switch {
	case r.problem != nil:
		return r.taken, r.problem
	case err != nil:
		return r.taken, err
	case r.taken == 0:
		return 0, io.EOF
	}
	return r.taken, nil
}

// readOnce is what raw.Read calls; false waits until there is something to read.
func (r *Reader) readOnce(fd uintptr) bool {
	for {
		n, errno := readNow(fd, r.dst)
		switch errno {
		case 0:
			r.taken = n
			return true
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			r.problem = errno
			return true
		}
	}
}

// makeRoom moves what is buffered to the front, or to a larger buffer, when n
// bytes do not fit behind begin.
func (r *Reader) makeRoom(n int) {
	if r.begin == r.end {
		r.begin, r.end = 0, 0
	}
	if r.begin+n <= len(r.buf) {
		return
	}
	to := r.buf
	if n > len(r.buf) {
		// Never more than one frame of the greatest length: then a stream of such
		// frames is read without moving a byte.
		size := min(max(2*len(r.buf), readerStart), HeaderSize+r.limit)
		to = make([]byte, max(n, size))
	}
	r.end = copy(to, r.buf[r.begin:r.end])
	r.begin, r.buf = 0, to
}
