package pool

import "slices"

// Move says that the pool of one address goes on under another one: a rename that
// touches no worker. Without keys in either it holds for every pool of a for_each.
type Move struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Follow returns the address that the pool at addr goes on under, addr itself when
// it is not moved. Moves may follow each other; they never go in a circle in a
// configuration that was loaded.
func (d *Desired) Follow(addr string) string {
	if d == nil {
		return addr
	}
	for range d.Moved {
		next := d.step(addr)
		if next == addr {
			break
		}
		addr = next
	}
	return addr
}

func (d *Desired) step(addr string) string {
	if i := slices.IndexFunc(d.Moved, func(m Move) bool { return m.From == addr }); i >= 0 {
		return d.Moved[i].To
	}
	name, key := SplitAddress(addr)
	if key == "" {
		return addr
	}
	for _, m := range d.Moved {
		to, keyed := SplitAddress(m.To)
		if m.From == Address(name, "") && keyed == "" {
			return Address(to, key)
		}
	}
	return addr
}

// SplitAddress returns the label and the key of a canonical address; the key is
// empty without for_each. What is no address is its own label.
func SplitAddress(addr string) (name, key string) {
	canonical, err := ParseAddress(addr)
	if err != nil {
		return addr, ""
	}
	name = canonical[len("pool."):]
	for i, c := range []byte(name) {
		if c == '[' {
			key, _ = parseKey(name[i:])
			return name[:i], key
		}
	}
	return name, ""
}
