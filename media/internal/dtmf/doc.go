// Package dtmf is RFC 4733 without sockets: the payload of telephone-event, a Detector that turns packets into key
// presses, and a Sender that says what a stream has to do in each 20 ms to send digits. Inband finds the keys of those
// who send their tones in the audio (ITU-T Q.23, Q.24).
//
// One digit by event, 100 ms long, in slots of 20 ms. ts is the packet's timestamp, dur its duration, at 8000 Hz:
//
//	slot   0      1      2      3      4      5      6      7     8     9     10
//	       M                           E      E      E                        next digit
//	ts     T      T      T      T      T      T      T      audio audio audio T+1600
//	dur    160    320    480    640    800    800    800
//	       |<----------- tone ------------->|<------------- gap ------------->|
//	audio  frozen ........................................  flows ..........
package dtmf
