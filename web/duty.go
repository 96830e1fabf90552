package web

import (
	"strconv"
	"strings"
	"vigie/internal/match"
)

// A wall has room for so many people on duty.
const dutyOnWall = 3

// dutyPanel is who is on duty now.
type dutyPanel struct {
	Title, Definition string
	Nothing, More     string
	Wall              bool
	Rows              []dutyView
}

type dutyView struct {
	Role, Name  string
	Phone, Call string // as people read it, as a telephone dials it; on a wall it is masked and not dialled
	CallLabel   string
}

func newDutyView(k look) dutyPanel {
	v := newDuty(k)
	if len(v.Rows) == 0 {
		v.Nothing = k.T("duty.none")
	}
	if k.wall() && len(v.Rows) > dutyOnWall {
		v.More = "+" + strconv.Itoa(len(v.Rows)-dutyOnWall)
		v.Rows = v.Rows[:dutyOnWall]
	}
	return v
}

func newDuty(k look) dutyPanel {
	v := dutyPanel{Title: k.T("duty.title"), Definition: k.define("duty.definition"), Wall: k.wall()}
	for _, d := range k.board.Duty {
		row := dutyView{Role: foreign(d.Role, longestName), Name: foreign(d.Name, longestName)}
		switch {
		case d.Phone == "":
		case k.wall():
			row.Name, row.Phone = "", maskPhone(d.Phone) // a wall is seen by visitors and cameras
		default:
			row.Phone, row.Call = foreign(d.Phone, longestName), match.Dial(d.Phone)
			row.CallLabel = k.T("duty.call", "name", strings.TrimSpace(row.Role+" "+row.Name))
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

// maskPhone leaves the first two digits and the last two: enough for those who know the number. A short
// one is masked whole.
func maskPhone(phone string) string {
	digits := match.Dial(phone)
	if national, ok := strings.CutPrefix(digits, "+33"); ok {
		digits = "0" + national
	}
	if len(digits) < 8 { // or none at all
		return "·· ··"
	}
	head := 2
	if digits[0] == '+' {
		head = 3
	}
	return digits[:head] + nbsp + "··" + nbsp + "··" + nbsp + digits[len(digits)-2:]
}
