// Package g722 codes wideband audio by ITU-T G.722 at 64 kbit/s (mode 1): two samples of 16 bits at 16000 Hz make one
// octet. It was written from the Recommendation; the names of its blocks (§6.2) stand at the code.
//
//	encoder   x -> QMF -+- low  -> (-) -> QUANTL 6 bits -+-> octet HHLLLLLL
//	                    +- high -> (-) -> QUANTH 2 bits -+
//	                                ^                    |
//	                                +---- predictor <----+   of each band, adapted by the codes alone
//
//	decoder   octet -> INVQ -> (+) -> QMF -> x
//	                            ^
//	                            +--- the same predictors
//
// Since the predictors live on the codes alone, an encoder can go on where another one's stream has ended, if it has
// heard its last codes: see Encoder.Follow.
package g722
