// Writes test vectors whose answers are those of CIRCL, for `bls_vectors`.
//
//	circl_vectors SEED COUNT >FILE
//
// COUNT cases a handler, random and edge inputs; the same SEED gives the same file. CIRCL has curve,
// hashing and pairing, but no signatures: these are put together here from the draft's formulas.
package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"strconv"

	"github.com/cloudflare/circl/ecc/bls12381"
)

const (
	signatureTag  = "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"
	possessionTag = "BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"
	rfcTestTag    = "QUUX-V01-CS02-with-BLS12381G2_XMD:SHA-256_SSWU_RO_"
)

var (
	order    = new(big.Int).SetBytes(bls12381.Order())
	prime, _ = new(big.Int).SetString("1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f624"+
		"1eabfffeb153ffffb9feffffffffaaab", 16)
)

// random draws bytes from SHA-256 of the seed and a counter.
type random struct {
	seed  string
	drawn int
}

func (r *random) bytes(length int) []byte {
	var out []byte
	for len(out) < length {
		block := sha256.Sum256([]byte(fmt.Sprintf("%s %d", r.seed, r.drawn)))
		r.drawn++
		out = append(out, block[:]...)
	}
	return out[:length]
}

func (r *random) below(bound int) int {
	return int(binary.BigEndian.Uint32(r.bytes(4)) % uint32(bound))
}

// scalar is a number below 2^256: random, zero, or next to the order or to a power of two.
func (r *random) scalar() []byte {
	edges := []*big.Int{big.NewInt(0), big.NewInt(1), big.NewInt(2), new(big.Int).Sub(order, big.NewInt(1)),
		new(big.Int).Set(order), new(big.Int).Add(order, big.NewInt(1)), new(big.Int).Lsh(big.NewInt(1), 255),
		new(big.Int).Lsh(big.NewInt(1), 64), new(big.Int).Lsh(big.NewInt(1), 128)}
	if r.below(4) == 0 {
		return edges[r.below(len(edges))].FillBytes(make([]byte, 32))
	}
	return r.bytes(32)
}

func (r *random) message() []byte { return r.bytes([]int{0, 1, 31, 32, 33, 64, 127, 300}[r.below(8)]) }

type vector struct {
	Input  interface{} `json:"input"`
	Output interface{} `json:"output"`
}
type fields map[string]interface{}

var vectors = map[string]map[string]vector{}

func add(handler string, input, output interface{}) {
	if vectors[handler] == nil {
		vectors[handler] = map[string]vector{}
	}
	vectors[handler][fmt.Sprintf("circl_%d", len(vectors[handler]))] = vector{input, output}
}

func text(bytes []byte) string { return "0x" + hex.EncodeToString(bytes) }

func isKey(scalar []byte) bool {
	number := new(big.Int).SetBytes(scalar)
	return number.Sign() > 0 && number.Cmp(order) < 0
}

func toScalar(bytes []byte) *bls12381.Scalar {
	scalar := new(bls12381.Scalar)
	scalar.SetBytes(bytes)
	return scalar
}

func publicKey(key []byte) *bls12381.G1 {
	point := new(bls12381.G1)
	point.ScalarMult(toScalar(key), bls12381.G1Generator())
	return point
}

func sign(key, message []byte, tag string) *bls12381.G2 {
	hashed, point := new(bls12381.G2), new(bls12381.G2)
	hashed.Hash(message, []byte(tag))
	point.ScalarMult(toScalar(key), hashed)
	return point
}

func verify(key *bls12381.G1, message []byte, signature *bls12381.G2) bool {
	if key.IsIdentity() {
		return false
	}
	hashed := new(bls12381.G2)
	hashed.Hash(message, []byte(signatureTag))
	product := bls12381.ProdPairFrac([]*bls12381.G1{key, bls12381.G1Generator()},
		[]*bls12381.G2{hashed, signature}, []int{1, -1})
	return product.IsIdentity()
}

// strict is what a decoder must want beside what CIRCL checks: it takes longer input, infinity with
// the sign bit, and the sign bit in the uncompressed form.
func strict(encoded []byte, length int, compressed bool) bool {
	if len(encoded) != length || (encoded[0]&0x80 != 0) != compressed {
		return false
	}
	return encoded[0]&0x20 == 0 || (compressed && encoded[0]&0x40 == 0)
}

// altered is an encoding: the good one, one bit turned, other flags, random coordinates (half of
// them on the curve, and then out of the subgroup), coordinates of p or more, infinity.
func (r *random) altered(good []byte) []byte {
	out := append([]byte{}, good...)
	switch r.below(7) {
	case 0:
		out[r.below(len(out))] ^= 1 << r.below(8)
	case 1:
		out[0] = out[0]&0x1f | byte(r.below(8)<<5)
	case 2, 3:
		for at := 0; at < len(out); at += 48 {
			number := new(big.Int).Mod(new(big.Int).SetBytes(r.bytes(48)), prime)
			number.FillBytes(out[at : at+48])
		}
		out[0] |= good[0] & 0xe0
	case 4:
		at := 48 * r.below(len(out)/48)
		flags := out[0] & 0xe0
		out[0] &= 0x1f
		larger := new(big.Int).Add(prime, new(big.Int).SetBytes(out[at:at+48]))
		if larger.BitLen() <= 381 {
			larger.FillBytes(out[at : at+48])
		}
		out[0] |= flags
	case 5:
		out = make([]byte, len(good))
		out[0] = byte(r.below(8) << 5)
		if r.below(3) == 0 {
			out[len(out)-1] = 1
		}
	}
	return out
}

func curve(r *random) {
	message := hex.EncodeToString(r.bytes(r.below(80)))
	hashed := new(bls12381.G2)
	hashed.Hash([]byte(message), []byte(rfcTestTag))
	bytes := hashed.Bytes()
	// The encoding has the imaginary part first, the vectors the real part.
	pair := func(at int) string { return text(bytes[at+48:at+96]) + "," + text(bytes[at:at+48]) }
	add("hash_to_G2", fields{"msg": message}, fields{"x": pair(0), "y": pair(96)})

	key := r.bytes(32)
	key[0] &= 0x3f
	g1, g2 := publicKey(key), sign(key, r.message(), signatureTag)
	for _, one := range []struct {
		handler, field string
		good           []byte
		compressed     bool
		decode         func([]byte) error
	}{
		{"deserialization_G1", "pubkey", g1.BytesCompressed(), true, new(bls12381.G1).SetBytes},
		{"deserialization_G2", "signature", g2.BytesCompressed(), true, new(bls12381.G2).SetBytes},
		{"uncompressed_G1", "point", g1.Bytes(), false, new(bls12381.G1).SetBytes},
		{"uncompressed_G2", "point", g2.Bytes(), false, new(bls12381.G2).SetBytes},
	} {
		encoded := r.altered(one.good)
		add(one.handler, fields{one.field: text(encoded)},
			strict(encoded, len(one.good), one.compressed) && one.decode(encoded) == nil)
	}
}

func signatures(r *random) {
	key, message := r.scalar(), r.message()
	var publicKeyOut, signatureOut, proofOut interface{}
	if isKey(key) {
		encoded := publicKey(key).BytesCompressed()
		publicKeyOut = text(encoded)
		signatureOut = text(sign(key, message, signatureTag).BytesCompressed())
		proofOut = text(sign(key, encoded, possessionTag).BytesCompressed())
	}
	add("public_key", fields{"privkey": text(key)}, publicKeyOut)
	add("sign", fields{"privkey": text(key), "message": text(message)}, signatureOut)
	add("pop_prove", fields{"privkey": text(key)}, proofOut)

	signer := r.bytes(32)
	signer[0] &= 0x3f
	shown, signature := publicKey(signer), sign(signer, message, signatureTag)
	switch r.below(6) {
	case 0:
		signature.Neg()
	case 1:
		signature.SetIdentity()
	case 2:
		shown.SetIdentity()
	case 3:
		signature.Double()
	}
	add("verify", fields{"pubkey": text(shown.BytesCompressed()), "message": text(message),
		"signature": text(signature.BytesCompressed())}, verify(shown, message, signature))
}

func sums(r *random) {
	var keys, shares []string
	keySum, shareSum := new(bls12381.G1), new(bls12381.G2)
	keySum.SetIdentity()
	shareSum.SetIdentity()
	message := r.message()
	for count := 1 + r.below(5); count > 0; count-- {
		secret := r.bytes(32)
		secret[0] &= 0x3f
		key, share := publicKey(secret), sign(secret, message, signatureTag)
		for times := r.below(8)/7 + 1; times > 0; times-- {
			keys = append(keys, text(key.BytesCompressed()))
			shares = append(shares, text(share.BytesCompressed()))
			keySum.Add(keySum, key)
			shareSum.Add(shareSum, share)
			if r.below(2) == 0 {
				key.Neg()
				share.Neg()
			}
		}
	}
	add("aggregate_pubkeys", fields{"pubkeys": keys}, text(keySum.BytesCompressed()))
	add("aggregate", shares, text(shareSum.BytesCompressed()))
}

func main() {
	count := 0
	if len(os.Args) == 3 {
		count, _ = strconv.Atoi(os.Args[2])
	}
	if count < 1 {
		fmt.Fprintln(os.Stderr, "usage: circl_vectors SEED COUNT >FILE")
		os.Exit(64)
	}
	r := &random{seed: os.Args[1]}
	for i := 0; i < count; i++ {
		curve(r)
		signatures(r)
		sums(r)
	}
	if err := json.NewEncoder(os.Stdout).Encode(vectors); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(74)
	}
}
