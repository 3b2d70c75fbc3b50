package state

import (
	"encoding/binary"
	"hash/fnv"
)

// Layout of a bbolt file, version 2, in the byte order of the machine: pages of
// equal size, of which the first two are meta pages. Every page begins with
// id(8) flags(2) count(2) overflow(4); overflow counts the pages that follow as
// part of it.
const (
	pageHeader  = 16
	elementSize = 16
	metaSize    = 64

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagFreelist = 0x10

	// A leaf element with this flag holds a bucket: root(8) sequence(8) and, when
	// root is 0, the bucket's only page.
	flagBucket   = 0x01
	bucketHeader = 16

	metaMagic   = 0xED0CDAED
	metaVersion = 2

	minPageSize = 1 << 10
	maxPageSize = 1 << 24
)

var order = binary.NativeEndian

// image is a whole bbolt file in memory, read with every bound checked.
//
// bbolt itself follows page numbers through a mapping without checking them: a
// damaged number makes it fault in a goroutine of its own, or run in a circle.
// So it is let near a file only when an image of it has been walked: every page
// that can be reached lies inside the file, is reached once, and holds its
// elements inside itself.
type image struct {
	data     []byte
	pageSize uint64
	// pages is how many pages are in use, counted from the first.
	pages    uint64
	root     uint64
	freelist uint64
	// torn: only one of the meta pages is good.
	torn bool
	// taken marks pages that have been reached.
	taken []bool
	// buckets is the content, filled by walk. It shares the memory of data.
	buckets map[string]*bucketImage
}

type bucketImage struct {
	sequence uint64
	records  map[string][]byte
	// nested counts the buckets inside; this format has none, another may.
	nested int
}

type metaPage struct {
	pageSize, root, freelist, pages, txid uint64
}

// readMeta returns the meta page at an offset, and false when it is none or its
// checksum is wrong.
func readMeta(data []byte, at uint64) (metaPage, bool) {
	if at+pageHeader+metaSize > uint64(len(data)) {
		return metaPage{}, false
	}
	b := data[at+pageHeader:][:metaSize]
	sum := fnv.New64a()
	_, _ = sum.Write(b[:56])
	if order.Uint32(b) != metaMagic || order.Uint32(b[4:]) != metaVersion || order.Uint64(b[56:]) != sum.Sum64() {
		return metaPage{}, false
	}
	m := metaPage{
		pageSize: uint64(order.Uint32(b[8:])),
		root:     order.Uint64(b[16:]),
		freelist: order.Uint64(b[32:]),
		pages:    order.Uint64(b[40:]),
		txid:     order.Uint64(b[48:]),
	}
	sane := m.pageSize >= minPageSize && m.pageSize <= maxPageSize && m.pageSize&(m.pageSize-1) == 0
	return m, sane
}

// newImage finds the meta page in force as bbolt does: the good one of the
// newest transaction.
func newImage(data []byte) (*image, error) {
	m, ok := readMeta(data, 0)
	second, ok2 := metaPage{}, false
	if ok {
		second, ok2 = readMeta(data, m.pageSize)
	} else {
		for at := uint64(minPageSize); at <= maxPageSize && !ok2; at <<= 1 {
			second, ok2 = readMeta(data, at)
			ok2 = ok2 && second.pageSize == at
		}
	}
	switch {
	case !ok && !ok2:
		return nil, damaged("it has no good meta page")
	case !ok || (ok2 && second.txid > m.txid):
		m = second
	}
	if m.pages < 4 || m.pages > uint64(len(data))/m.pageSize {
		return nil, damaged("%d bytes do not hold its %d pages", len(data), m.pages)
	}
	img := &image{
		data: data, pageSize: m.pageSize, pages: m.pages, root: m.root, freelist: m.freelist,
		torn: !ok || !ok2, taken: make([]bool, m.pages), buckets: map[string]*bucketImage{},
	}
	img.taken[0], img.taken[1] = true, true
	return img, nil
}

// walk reads the whole tree and the list of free pages.
func (img *image) walk() error {
	err := img.tree(img.root, func(flags uint32, name, value []byte) error {
		if flags != flagBucket || len(value) < bucketHeader {
			return damaged("a record is outside of all buckets")
		}
		return img.bucket(string(name), value)
	})
	if err != nil {
		return err
	}
	return img.free()
}

func (img *image) bucket(name string, value []byte) error {
	b := &bucketImage{sequence: order.Uint64(value[8:]), records: map[string][]byte{}}
	img.buckets[name] = b
	collect := func(flags uint32, key, value []byte) error {
		switch {
		case flags == 0:
			b.records[string(key)] = value
			return nil
		case flags == flagBucket && len(value) >= bucketHeader:
			b.nested++
			return img.bucket(name+"/"+string(key), value)
		}
		return damaged("the bucket %q has a record of another kind", name)
	}
	if root := order.Uint64(value); root != 0 {
		return img.tree(root, collect)
	}
	inline := value[bucketHeader:]
	if len(inline) < pageHeader || order.Uint16(inline[8:]) != flagLeaf {
		return damaged("the bucket %q has no page", name)
	}
	return leaf(inline, collect)
}

// visit takes one element of a leaf page.
type visit func(flags uint32, key, value []byte) error

// tree walks the pages below id in key order. It ends because no page is taken
// twice.
func (img *image) tree(id uint64, each visit) error {
	page, err := img.take(id)
	if err != nil {
		return err
	}
	switch order.Uint16(page[8:]) {
	case flagLeaf:
		return leaf(page, each)
	case flagBranch:
	default:
		return damaged("page %d is of another kind", id)
	}
	count := uint64(order.Uint16(page[10:]))
	if count == 0 || pageHeader+count*elementSize > uint64(len(page)) {
		return damaged("page %d does not hold its %d elements", id, count)
	}
	for at := uint64(pageHeader); count > 0; count, at = count-1, at+elementSize {
		pos, size := uint64(order.Uint32(page[at:])), uint64(order.Uint32(page[at+4:]))
		if size == 0 || at+pos+size > uint64(len(page)) {
			return damaged("page %d has a key outside of itself", id)
		}
		if err := img.tree(order.Uint64(page[at+8:]), each); err != nil {
			return err
		}
	}
	return nil
}

func leaf(page []byte, each visit) error {
	count := uint64(order.Uint16(page[10:]))
	if pageHeader+count*elementSize > uint64(len(page)) {
		return damaged("a page does not hold its %d elements", count)
	}
	for at := uint64(pageHeader); count > 0; count, at = count-1, at+elementSize {
		flags, pos := order.Uint32(page[at:]), uint64(order.Uint32(page[at+4:]))
		keySize, valueSize := uint64(order.Uint32(page[at+8:])), uint64(order.Uint32(page[at+12:]))
		key := at + pos
		end := key + keySize + valueSize
		if keySize == 0 || end > uint64(len(page)) {
			return damaged("a page has a record outside of itself")
		}
		if err := each(flags, page[key:key+keySize], page[key+keySize:end]); err != nil {
			return err
		}
	}
	return nil
}

// free reads the list of free pages: none may be in use.
func (img *image) free() error {
	page, err := img.take(img.freelist)
	if err != nil {
		return err
	}
	if order.Uint16(page[8:]) != flagFreelist {
		return damaged("page %d is not the list of free pages", img.freelist)
	}
	ids := page[pageHeader:]
	count := uint64(order.Uint16(page[10:]))
	if count == 0xFFFF { // too many for the field: the first element is the count
		count, ids = order.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids))/8 {
		return damaged("the list of free pages does not hold its %d elements", count)
	}
	for ; count > 0; count, ids = count-1, ids[8:] {
		id := order.Uint64(ids)
		if id >= img.pages || img.taken[id] {
			return damaged("page %d is in use and free", id)
		}
		img.taken[id] = true
	}
	for id, taken := range img.taken {
		if !taken {
			return damaged("page %d is neither in use nor free", id)
		}
	}
	return nil
}

// take returns a page with its overflow and marks it.
func (img *image) take(id uint64) ([]byte, error) {
	if id >= img.pages {
		return nil, damaged("page %d is outside of the file", id)
	}
	header := img.data[id*img.pageSize:]
	last := id + uint64(order.Uint32(header[12:]))
	if order.Uint64(header) != id || last >= img.pages {
		return nil, damaged("page %d says that it is another", id)
	}
	for i := id; i <= last; i++ {
		if img.taken[i] {
			return nil, damaged("page %d is used twice", i)
		}
		img.taken[i] = true
	}
	return img.data[id*img.pageSize : (last+1)*img.pageSize], nil
}
