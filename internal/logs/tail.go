package logs

import "slices"

// Last returns at most the last most bytes of id's log, and whether there are more.
// It is best effort: an unreadable log has none.
func (d Dir) Last(id ID, most int) (text []byte, cut bool) {
	all, err := d.List(id.Pool, id.Place)
	if err != nil {
		return nil, false
	}
	at := slices.IndexFunc(all, func(l Log) bool { return l.base == d.base(id) })
	if at < 0 {
		return nil, false
	}
	for i, s := range slices.Backward(all[at].Segments) {
		from := max(0, s.Info.Size()-int64(most-len(text)))
		part, err := readRange(s.Path, from, s.Info.Size())
		if err != nil {
			return text, true
		}
		text = append(part, text...)
		if len(text) >= most {
			return text, from > 0 || i > 0
		}
	}
	return text, false
}
