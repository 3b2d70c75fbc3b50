package access

import (
	"errors"
	"fmt"
	"os/user"
	"runtime"
	"strconv"
	"strings"
)

// groupMark is what the name or id of a group begins with in a list.
const groupMark = "@"

// Supported reports whether the system tells who connects to a socket, with every
// group. Where it does not, only the owner can be let in, by the mode of the
// socket's file. macOS tells the user, and 16 groups at the most.
func Supported() bool { return runtime.GOOS == "linux" }

// ID is a user or a group as the kernel knows it.
type ID struct {
	Group  bool
	Number uint32
}

// Resolve returns the id that one entry of a list means: "alice" or "1000" is a
// user, "@staff" or "@50" a group. A number need not have a name.
func Resolve(entry string) (ID, error) {
	name, group := strings.CutPrefix(entry, groupMark)
	if name == "" {
		return ID{}, errors.New(`an entry is a user, "alice" or 1000, or a group, "@staff" or "@50"`)
	}
	number, err := strconv.ParseUint(name, 10, 32)
	if err == nil {
		return ID{Group: group, Number: uint32(number)}, nil
	}
	text, kind := "", "user"
	if group {
		kind = "group"
		var g *user.Group
		if g, err = user.LookupGroup(name); err == nil {
			text = g.Gid
		}
	} else {
		var u *user.User
		if u, err = user.Lookup(name); err == nil {
			text = u.Uid
		}
	}
	if err == nil {
		number, err = strconv.ParseUint(text, 10, 32)
	}
	if err != nil {
		return ID{}, fmt.Errorf("this machine has no %s %q", kind, name)
	}
	return ID{Group: group, Number: uint32(number)}, nil
}
