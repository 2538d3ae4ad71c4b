//go:build race

package callstate

const raceDetector = true
