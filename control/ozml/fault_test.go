package ozml

import (
	"fmt"
	"strings"
	"testing"
)

// blame is a host that keeps the faults.
type blame struct {
	fake
	faults []Fault
}

func (b *blame) Report(f Fault) { b.faults = append(b.faults, f) }

// TestFaultsNamePlaces: a fault tells whose it is, where that stands and why, and never what was given.
func TestFaultsNamePlaces(t *testing.T) {
	long := "<Var ID='s'>" + strings.Repeat("x", 40000) + "</Var>"
	for elements, want := range map[string]string{
		"\n<hidden/>":                                      "301 hidden 2 ",
		"\n<SendSms>hidden</SendSms>":                      "301 SendSMS 2 it is not there yet",
		"\n\n<ListActiveCalls/>":                           "303 ListActiveCalls 3 it is for URL requests alone",
		"<Input/>":                                         "303 Input 1 it belongs inside of another element",
		"<Beep/>\n<Reject/>":                               "303 Reject 2 it is not the first element",
		"<Hold>\n<Delay>1</Delay></Hold>":                  "303 Delay 2 it does not belong inside of Hold",
		"<Delay>hidden</Delay>":                            "302 Delay 1 Time: must be seconds from 0 to 86400",
		"<Var ID='hidden!'/>":                              "302 Var 1 ID: must be a name of letters, digits and _",
		"<Array ID='hidden!'/>":                            "302 Array 1 ID: must be a name of letters, digits and _",
		"<Array ID='a'>\n<Beep/></Array>":                  "303 Beep 2 it does not belong inside of Array",
		long + "\n<Speak>$s$s</Speak>":                     "302 Speak 2 Text: is too long with the values of its variables",
		long + "<Array ID='a'>\n<Item>$s$s</Item></Array>": "302 Array 1 Item: is too long with the values of its variables",
		"<ForEach Source='hidden'/>":                       "302 ForEach 1 Source: there is no such array",
		"<GoTo/>":                                          "302 GoTo 1 Url: is missing",
		"<GoTo>SELECT hidden</GoTo>":                       "302 GoTo 1 Url: is SQL, which is not there",
		"\n<GoTo>empty</GoTo>":                             "302 GoTo 2 Url: its answer is empty",
		"\n<GoTo>hidden</GoTo>":                            "302 GoTo 2 ",
		"<UserInput ExecuteSQL='hidden'/>":                 "302 UserInput 1 ExecuteSQL: is not there",
		"<UserInput Repeat='hidden'/>":                     "302 UserInput 1 Repeat: must be true or false",
		"<UserInput Timeout='hidden'/>":                    "302 UserInput 1 Timeout: must be seconds from 0 to 3600",
		"<UserInput BackKey='hidden'/>":                    "302 UserInput 1 BackKey: must be one key",
		"<UserInput Digits='hidden'/>":                     "302 UserInput 1 Digits: must be a whole number from 1 to 128",
		"<UserInput MinDigits='5' MaxDigits='4'/>":         "302 UserInput 1 MaxDigits: must be a whole number from 1 to 128, and no less than MinDigits",
		"<UserInput><Inputs>\n<Input Key='hidden'/></Inputs></UserInput>":                               "302 Input 2 Key: must be of 0-9 * # A-D",
		"\n<UserInput ForwardToUrl='hidden'>\n<InitialCommands>\n<Beep/></InitialCommands></UserInput>": "302 UserInput 2 ",
	} {
		s, err := Parse([]byte("<Response>" + elements + "</Response>"))
		if err != nil {
			t.Fatal(err)
		}
		b := &blame{fake: fake{keys: NewKeys(), ext: true, answers: map[string]string{"empty": " "}}}
		b.keys.Press('1')
		Run(t.Context(), s, b, Limits{})
		if len(b.faults) != 1 {
			t.Errorf("%q: %+v", elements, b.faults)
			continue
		}
		f := b.faults[0]
		if got := fmt.Sprint(f.Code, " ", f.Element, " ", f.Line, " ", f.Reason); got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", elements, got, want)
		}
	}
	b := &blame{}
	s, _ := Parse([]byte("<Response><A/>\n<B/></Response>"))
	Run(t.Context(), s, b, Limits{Steps: 1})
	if f := b.faults[1]; f.Element != "B" || f.Line != 2 || f.Reason != "it has run 1 elements" {
		t.Errorf("%+v", f)
	}
}
